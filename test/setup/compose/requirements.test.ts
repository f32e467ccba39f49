import { describe, expect, it } from 'vitest';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { engineRule, mountProblems, nameRule } from '../../../src/setup/compose/requirements.ts';
import type { ContainerState } from '../../../src/system/containers.ts';
import type { Docker } from '../../../src/system/docker.ts';
import { plainFacts, serverFacts } from '../facts.ts';

const compose = { version: '2.40.3', command: ['docker', 'compose'] };
const docker: Docker = { version: '28.1.0', usable: true, denied: false, compose };
const layout = layoutBelow('/');

describe('engineRule', () => {
  it.each([
    ['no Docker', undefined, { code: 'needs-docker' }],
    [
      'a user that Docker refuses',
      { ...docker, usable: false, denied: true },
      { code: 'docker-denied', user: 'alice' },
    ],
    [
      'a snap, which sees nothing of what is mounted',
      { ...docker, confined: true as const },
      { code: 'docker-confined' },
    ],
    ['no engine', { ...docker, usable: false }, { code: 'docker-stopped' }],
    ['no Compose', { version: '28.1.0', usable: true, denied: false }, { code: 'needs-compose' }],
    ['all of it', docker, undefined],
  ])('%s', (_, found, rule) => {
    expect(engineRule({ ...serverFacts, docker: found }, 'alice')).toEqual(rule);
  });

  it('leaves it at the need of root for who could not start an engine anyway', () => {
    expect(engineRule({ ...plainFacts, docker: { ...docker, usable: false } }, 'alice')).toBeUndefined();
  });
});

describe('nameRule', () => {
  const container: ContainerState = {
    id: 'x',
    status: 'running',
    restarts: 0,
    startsAtBoot: true,
    image: 'nginx:1',
    imageId: 'sha256:0',
  };

  it.each([
    ['no container', undefined, undefined],
    ['our own', { ...container, projectDirectory: '/etc/derp-setup/compose' }, undefined],
    ['one of no project', container, { code: 'container-name-taken', image: 'nginx:1' }],
    [
      'one of another project',
      { ...container, projectDirectory: '/srv/site' },
      { code: 'container-name-taken', image: 'nginx:1', project: '/srv/site' },
    ],
  ])('%s', (_, found, rule) => {
    expect(nameRule(found, layout)).toEqual(rule);
  });
});

describe('mountProblems', () => {
  const answers = { verify: { kind: 'none' as const }, allowCidr: undefined, denyCidr: undefined };

  it('has none with files in directories of their own, or in ours', () => {
    const allowCidr = { ranges: ['192.0.2.0/24'], files: ['/srv/lists/home'] };
    const verify = { kind: 'keys' as const, file: '/etc/derp-setup/keys' };
    expect(mountProblems({ ...answers, verify, allowCidr }, layout)).toEqual([]);
  });

  it('names each file that is directly in a directory of the system, with its flag', () => {
    const verify = { kind: 'tailscaled' as const, socket: '/run/tailscaled.sock' };
    const denyCidr = { ranges: [], files: ['/etc/blocked', '/srv/lists/blocked'] };
    const problems = mountProblems({ ...answers, verify, denyCidr }, layout);
    expect(problems.map(({ flag, value, rule }) => ({ flag, value, rule }))).toEqual([
      { flag: '--verify', value: '/run/tailscaled.sock', rule: { code: 'directory-not-mountable', directory: '/run' } },
      { flag: '--deny-cidr', value: '/etc/blocked', rule: { code: 'directory-not-mountable', directory: '/etc' } },
    ]);
  });
});
