import { describe, expect, it } from 'vitest';
import { findDocker, parseDockerVersion } from '../../src/system/docker.ts';
import { CommandError } from '../../src/system/processes.ts';
import { recordedRun } from './recorded-run.ts';

// What Docker 28.2.2 printed, shortened.
const client = '"Client":{"Version":"28.2.2","ApiVersion":"1.50","Os":"linux","Context":"default"}';
const reached = `{${client},"Server":{"Platform":{"Name":""},"Version":"28.1.0","ApiVersion":"1.49"}}`;
const alone = `{${client},"Server":null}`;
const noEngine = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?';
const denied =
  'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied';

describe('parseDockerVersion', () => {
  it.each([
    ['an engine that answers', reached, '', { version: '28.1.0', usable: true, denied: false }],
    ['no engine', alone, noEngine, { version: '28.2.2', usable: false, denied: false }],
    ['an engine that refuses this user', alone, denied, { version: '28.2.2', usable: false, denied: true }],
    ['an older command that says nothing then', '', `Got ${denied}`, { version: '', usable: false, denied: true }],
    [
      'settings that may not be read, which is no refusal',
      alone,
      `WARNING: Error loading config file: open /root/.docker/config.json: permission denied\n${noEngine}`,
      { version: '28.2.2', usable: false, denied: false },
    ],
    ['an answer that is no object', 'null', '', { version: '', usable: false, denied: false }],
  ])('%s', (_what, stdout, stderr, docker) => {
    expect(parseDockerVersion(stdout, stderr)).toEqual(docker);
  });
});

describe('findDocker', () => {
  const absent = (command: string) => Promise.reject(new CommandError('not-found', command, []));

  it('finds nothing where there is no docker', async () => {
    expect(await findDocker(absent)).toBeUndefined();
  });

  it('finds a Compose that was built without a version', async () => {
    const { run } = recordedRun((_command, args) => ({ stdout: args[0] === 'compose' ? 'dev\n' : reached }));
    expect((await findDocker(run))?.compose).toEqual({ version: 'dev', command: ['docker', 'compose'] });
  });

  it('finds Compose as a part of Docker', async () => {
    const { run } = recordedRun((_command, args) => ({ stdout: args[0] === 'compose' ? 'v2.36.2\n' : reached }));
    expect(await findDocker(run)).toEqual({
      version: '28.1.0',
      usable: true,
      denied: false,
      compose: { version: '2.36.2', command: ['docker', 'compose'] },
    });
  });

  it('finds the older Compose of its own', async () => {
    const { run } = recordedRun((command, args) => {
      if (command === 'docker-compose') return { stdout: '1.29.2\n' };
      return args[0] === 'compose'
        ? { code: 125, stdout: 'Usage: docker', stderr: 'unknown flag: --short' }
        : { stdout: reached };
    });
    expect((await findDocker(run))?.compose).toEqual({ version: '1.29.2', command: ['docker-compose'] });
  });

  it('is not stopped by a docker that hangs', async () => {
    const run = (command: string) => Promise.reject(new CommandError('timed-out', command, []));
    expect(await findDocker(run)).toEqual({ version: '', usable: false, denied: false });
  });
});
