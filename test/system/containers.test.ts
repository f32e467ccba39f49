import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  containerLog,
  containerState,
  imageId,
  parseContainerState,
  removeContainer,
} from '../../src/system/containers.ts';
import { CommandError } from '../../src/system/processes.ts';
import { recordedRun } from './recorded-run.ts';

// What Docker 20.10.24 said of a relay that runs in a container; the rest of its answer is left out.
const text = readFileSync(new URL('fixtures/docker-relay.json', import.meta.url), 'utf8');
const [recorded] = JSON.parse(text);
const silent = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?';

describe('parseContainerState', () => {
  it('reads a container that runs', () => {
    expect(parseContainerState(text)).toEqual({
      id: recorded.Id,
      status: 'running',
      health: 'starting',
      pid: 1629,
      restarts: 0,
      since: new Date('2026-11-21T19:24:20.295Z'),
      startsAtBoot: true,
      image: 'node:24-bookworm-slim',
      imageId: recorded.Image,
      projectDirectory: '/etc/derp-setup/compose',
    });
  });

  it('reads one that has ended, and that nothing starts again', () => {
    const State = { ...recorded.State, Status: 'exited', Pid: 0, ExitCode: 137, Health: undefined };
    const HostConfig = { RestartPolicy: { Name: 'no' } };
    const state = parseContainerState(JSON.stringify([{ ...recorded, State, HostConfig, RestartCount: 3 }]));
    expect(state).toMatchObject({ status: 'exited', exitStatus: 137, restarts: 3, startsAtBoot: false });
    expect(state).not.toHaveProperty('pid');
    expect(state).not.toHaveProperty('health');
  });

  it('knows no way it ended of one that was never started, and no project of one that is in none', () => {
    const State = { Status: 'created', Pid: 0, ExitCode: 0, StartedAt: '0001-01-01T00:00:00Z' };
    const Config = { Image: 'nginx', Labels: null };
    const state = parseContainerState(JSON.stringify([{ ...recorded, State, Config }]));
    expect(Object.keys(state ?? {}).sort()).toEqual(['id', 'image', 'imageId', 'restarts', 'startsAtBoot', 'status']);
  });

  it.each(['', 'null', '[]', '[{}]', '{"Id":"x"}', '[{"Id":"x"}]'])('%j: no container', (answer) => {
    expect(parseContainerState(answer)).toBeUndefined();
  });
});

describe('containerState', () => {
  it('is undefined where there is no such container, and an error where Docker does not answer', async () => {
    const without = recordedRun(() => ({ code: 1, stdout: '[]\n', stderr: 'Error: No such container: derp-relay\n' }));
    expect(await containerState('derp-relay', without.run)).toBeUndefined();
    const down = recordedRun(() => ({ code: 1, stdout: '[]\n', stderr: silent }));
    await expect(containerState('derp-relay', down.run)).rejects.toThrow('Cannot connect');
  });
});

describe('imageId', () => {
  it('is undefined for an image that is not here', async () => {
    const here = recordedRun(() => ({ stdout: 'sha256:b7a1\n' }));
    expect(await imageId('node:24', here.run)).toBe('sha256:b7a1');
    const without = recordedRun(() => ({ code: 1, stderr: 'Error: No such image: node:24\n' }));
    expect(await imageId('node:24', without.run)).toBeUndefined();
  });
});

describe('containerLog', () => {
  it('has the lines of both streams, and none where they cannot be had', async () => {
    const both = recordedRun(() => ({ stdout: 'a\n\nb\n', stderr: 'c\n' }));
    const since = new Date('2026-11-21T19:24:20Z');
    expect(await containerLog('derp-relay', { lines: 5, since }, both.run)).toEqual(['a', 'b', 'c']);
    expect(both.commands).toEqual(['docker logs --tail 5 --since 2026-11-21T19:24:20.000Z -- derp-relay']);
    expect(await containerLog('x', { lines: 5 }, recordedRun(() => ({ code: 1, stderr: silent })).run)).toEqual([]);
    const absent = () => Promise.reject(new CommandError('not-found', 'docker', []));
    expect(await containerLog('x', { lines: 5 }, absent)).toEqual([]);
  });
});

describe('removeContainer', () => {
  it('tells it to end first, and is fine when it is gone already', async () => {
    const gone = recordedRun((_, args) =>
      args[0] === 'rm' ? { code: 1, stderr: 'Error: No such container: derp-relay' } : { code: 1, stderr: 'gone' },
    );
    await removeContainer('derp-relay', gone.run);
    expect(gone.commands).toEqual(['docker stop -- derp-relay', 'docker rm --force -- derp-relay']);
    const stuck = recordedRun(() => ({ code: 1, stderr: 'Error: container is in use' }));
    await expect(removeContainer('derp-relay', stuck.run)).rejects.toThrow('container is in use');
  });
});
