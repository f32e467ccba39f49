import { describe, expect, it } from 'vitest';
import { composeDown, composeUp } from '../../src/system/compose.ts';
import { recordedRun } from './recorded-run.ts';

const project = { directory: '/etc/derp-setup/compose', project: 'derp-setup' };

describe('Compose', () => {
  it.each([
    [['docker', 'compose'], 'docker compose'],
    [['docker-compose'], 'docker-compose'],
  ])('%j works in the directory of its files, which it finds by itself', async (command, words) => {
    const { run, commands, options } = recordedRun();
    const call = { ...project, command };
    await composeUp(call, {}, run);
    await composeUp(call, { recreate: true }, run);
    await composeDown(call, run);
    expect(commands).toEqual([
      `${words} --project-name derp-setup up --detach --no-build --remove-orphans`,
      `${words} --project-name derp-setup up --detach --no-build --remove-orphans --force-recreate`,
      `${words} --project-name derp-setup down --remove-orphans`,
    ]);
    expect(options.map((given) => given?.cwd)).toEqual(Array(3).fill(project.directory));
  });

  it('tells what went wrong', async () => {
    const { run } = recordedRun(() => ({ code: 1, stderr: 'no such image' }));
    await expect(composeUp({ ...project, command: ['docker-compose'] }, {}, run)).rejects.toThrow('no such image');
  });
});
