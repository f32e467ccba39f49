import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ComposeInput, composePlan } from '../../src/deploy/compose/compose.ts';
import { isMountable, mountsOf } from '../../src/deploy/compose/mounts.ts';
import { layoutBelow } from '../../src/deploy/layout.ts';
import { formatManifest, manifestOf, parseManifest } from '../../src/deploy/manifest.ts';
import type { Step } from '../../src/deploy/steps.ts';
import { systemdPlan } from '../../src/deploy/systemd.ts';
import type { Templates } from '../../src/deploy/systemd-units.ts';
import { uninstallSteps } from '../../src/deploy/uninstall.ts';
import type { Verification } from '../../src/deploy/verification.ts';

const names = [
  ...['derp-relay.service', 'derp-setup-renew.service', 'derp-setup-renew.timer', 'derp-setup.sh'],
  ...['compose.yaml', 'compose.env', 'tailscaled-keep.conf'],
];
const read = (name: string) => readFileSync(join(import.meta.dirname, '../../templates', name), 'utf8');
const templates = Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as Templates;

const layout = layoutBelow('/');
const PROJECT = '/etc/derp-setup/compose';
const before = {
  userExists: false,
  existingDirectories: new Set(['/etc/systemd/system', '/usr/local/bin']),
  programsDirectory: layout.programsDirectory,
  openings: [],
  root: '/',
};
const manifest = (steps: readonly Step[]) => formatManifest(manifestOf(steps, '1.2.3', before));

function inputFor(
  host: string,
  changes: Partial<ComposeInput> & { ports?: [number, number, number] } = {},
): ComposeInput {
  const { ports: [derpPort, httpPort, stunPort] = [443, 80, 3478], ...rest } = changes;
  return {
    layout,
    relay: {
      regionId: 900,
      regionCode: 'myderp',
      regionName: 'My DERP',
      nodeName: '900a',
      host,
      derpPort,
      stunPort,
      httpPort,
    },
    certificate: {
      certFile: layout.certificate(host),
      keyFile: layout.certificateKey(host),
      create: { certPem: 'CERT', keyPem: 'KEY' },
      pin: `sha256-raw:${'cd'.repeat(32)}`,
    },
    newRelayKey: 'RELAY KEY',
    home: 'default',
    logLevel: 'info',
    savedAnswers: '{}\n',
    access: { allowCidr: null, denyCidr: null, clientRate: null },
    version: '1.2.3',
    packageDirectory: '/npx/derp-setup',
    templates,
    runtime: { path: '/usr/bin/node', version: '24.1.0', reachable: true },
    verify: { kind: 'none' },
    noStart: false,
    manifest,
    image: 'node:24-bookworm-slim',
    user: { uid: 997, gid: 997 },
    userId: 997,
    compose: ['docker', 'compose'],
    hasSystemd: true,
    ...rest,
  };
}

const plan = (changes: Parameters<typeof inputFor>[1] = {}) => composePlan(inputFor('203.0.113.7', changes));

const contentOf = (steps: readonly Step[], path: string) => {
  const found = steps.find((step) => step.kind === 'file' && step.path === path);
  return found?.kind === 'file' ? found.content : '';
};

/** A step in a line: what it is about, without contents. */
function line(step: Step): string {
  if ('path' in step) return `${step.kind} ${step.path}`;
  if ('unit' in step) return `${step.kind} ${step.unit}`;
  if ('image' in step) return `${step.kind} ${step.image}`;
  if ('project' in step) return `${step.kind} ${step.project.container}`;
  return 'name' in step ? `${step.kind} ${step.name}` : step.kind;
}

const hosts = { ipv4: '203.0.113.7', ipv6: '2001:db8::7', name: 'derp.example.com' };
const ports: Record<string, [number, number, number]> = { low: [443, 80, 3478], high: [8443, -1, 3478] };
const verifications: Record<string, Verification> = {
  none: { kind: 'none' },
  tailscaled: { kind: 'tailscaled' },
  keys: { kind: 'keys', file: '/srv/derp: keys/list of "nodes".txt' },
};

describe('compose.yaml and .env', () => {
  it.each([
    ['ipv4', 'low', 'none'],
    ['ipv6', 'high', 'tailscaled'],
    ['name', 'low', 'tailscaled'],
    ['name', 'high', 'none'],
  ] as const)('for an %s host, %s ports and --verify %s', async (host, height, verify) => {
    const { steps } = composePlan(inputFor(hosts[host], { ports: ports[height]!, verify: verifications[verify]! }));
    const golden = `./golden/compose.${host}.${height}.${verify}.yaml`;
    await expect(contentOf(steps, `${PROJECT}/compose.yaml`)).toMatchFileSnapshot(golden);
  });

  it('fill them with what differs from machine to machine', async () => {
    await expect(contentOf(plan().steps, `${PROJECT}/.env`)).toMatchFileSnapshot('./golden/compose.env');
  });

  it('hold no secrets', () => {
    const texts = ['compose.yaml', '.env'].map((name) => contentOf(plan().steps, `${PROJECT}/${name}`)).join('');
    expect(texts).not.toMatch(/RELAY KEY|CERT|\bKEY\b/);
  });

  it('quote what YAML or Compose would read as something else', () => {
    const verify: Verification = { kind: 'keys', file: '/srv/$HOME #1/keys.txt' };
    const text = contentOf(plan({ verify }).steps, `${PROJECT}/compose.yaml`);
    expect(text).toContain('- "/srv/$$HOME #1:/srv/$$HOME #1:ro"');
  });
});

describe('composePlan', () => {
  it('pulls the image before anything is written, and starts the container last', () => {
    const lines = plan().steps.map(line);
    expect(lines.slice(0, 4)).toEqual([
      'directory /etc/derp-setup',
      'file /etc/derp-setup/installation.json',
      'image node:24-bookworm-slim',
      'user derp-relay',
    ]);
    expect(lines.slice(-7)).toEqual([
      `file ${PROJECT}/.env`,
      'directory /etc/systemd/system',
      'file /etc/systemd/system/derp-setup-renew.service',
      'file /etc/systemd/system/derp-setup-renew.timer',
      'reload-units',
      'enable derp-setup-renew.timer',
      'compose derp-relay',
    ]);
    expect(lines.some((one) => one.includes('derp-relay.service'))).toBe(false);
  });

  it('only writes files with --no-start, and where no Compose is known', () => {
    for (const changes of [{ noStart: true }, { compose: undefined }]) {
      const kinds = new Set(plan(changes).steps.map(({ kind }) => kind));
      expect([...kinds].sort()).toEqual(['directory', 'file', 'link', 'programs', 'user']);
    }
  });

  it('leaves timers out where no systemd runs them', () => {
    const lines = plan({ hasSystemd: false, verify: { kind: 'tailscaled' } }).steps.map(line);
    expect(lines.filter((one) => /systemd|reload-units|enable/.test(one))).toEqual([]);
  });

  it('tells the relay what systemd would tell it', () => {
    const { relay } = plan({ verify: { kind: 'tailscaled' } });
    expect(relay).toMatchObject({
      listen: { host: null, port: 443 },
      keyFile: '/var/lib/derp-setup/derper.key',
      admission: { tailscaled: { socket: '/var/run/tailscale/tailscaled.sock' } },
    });
  });

  it('has tailscaled keep its directory, unless its socket is somewhere else', () => {
    const dropIn = '/etc/systemd/system/tailscaled.service.d/derp-setup.conf';
    const { steps } = plan({ verify: { kind: 'tailscaled' } });
    expect(contentOf(steps, dropIn)).toMatch(/^\[Service\]\nRuntimeDirectoryPreserve=yes$/m);
    const elsewhere = plan({ verify: { kind: 'tailscaled', socket: '/run/vpn/t.sock' } });
    expect(contentOf(elsewhere.steps, dropIn)).toBe('');
    expect(contentOf(elsewhere.steps, `${PROJECT}/compose.yaml`)).toContain('"/run/vpn:/run/vpn:ro"');
  });

  it('reloads a relay whose certificate changed, and makes its container anew for everything else', () => {
    const step = plan().steps.at(-1)!;
    if (step.kind !== 'compose') throw new Error('the last step is another one');
    expect(step.reloadFor).toEqual([layout.certificate('203.0.113.7'), layout.certificateKey('203.0.113.7')]);
    expect(step.restartFor).toEqual(
      expect.arrayContaining([`${PROJECT}/compose.yaml`, `${PROJECT}/.env`, layout.relayConfig, layout.relayKey]),
    );
  });
});

describe('another way of running the relay', () => {
  it('ends the unit before the container takes its ports', () => {
    const lines = plan({ formerly: 'unit' }).steps.map(line);
    const wanted = [
      'disable derp-relay.service',
      'remove /etc/systemd/system/derp-relay.service',
      'compose derp-relay',
    ];
    expect(lines.filter((one) => wanted.includes(one))).toEqual(wanted);
  });

  it('ends the container before the unit does, and leaves nothing of it', () => {
    const lines = systemdPlan(inputFor('203.0.113.7', { formerly: 'container' })).steps.map(line);
    const down = lines.indexOf('compose-down derp-relay');
    expect(lines.slice(down, down + 6)).toEqual([
      'compose-down derp-relay',
      `remove ${PROJECT}/compose.yaml`,
      `remove ${PROJECT}/.env`,
      'remove /etc/systemd/system/tailscaled.service.d/derp-setup.conf',
      `remove ${PROJECT}`,
      'remove /etc/systemd/system/tailscaled.service.d',
    ]);
    expect(lines.indexOf('service derp-relay.service')).toBeGreaterThan(down);
  });
});

describe('what is mounted', () => {
  it.each(['/', '/etc', '/run', '/var/run', '/usr/local/lib', '/proc/1', '/srv/a:b'])('never %s', (directory) => {
    expect(isMountable(directory)).toBe(false);
  });

  it.each(['/srv/derp', '/run/tailscale', '/etc/keys'])('%s, if something in it is read', (directory) => {
    expect(isMountable(directory)).toBe(true);
  });

  it('the directories of lists and sockets, once each, and none that is there anyway', () => {
    const admission = { keyFile: '/srv/lists/keys', tailscaled: { socket: '/run/tailscale/tailscaled.sock' } };
    const allowCidr = { ranges: [], files: ['/srv/lists/home', '/etc/derp-setup/office'] };
    expect(mountsOf({ admission, allowCidr, denyCidr: null }, layout).map(({ path }) => path)).toEqual([
      '/usr/local/lib/derp-setup',
      '/etc/derp-setup',
      '/var/lib/derp-setup',
      '/run/tailscale',
      '/srv/lists',
    ]);
  });

  it('only the relay’s own directory can be written', () => {
    const mounts = mountsOf({ admission: null, allowCidr: null, denyCidr: null }, layout);
    expect(mounts.filter(({ writable }) => writable).map(({ path }) => path)).toEqual(['/var/lib/derp-setup']);
  });
});

describe('uninstalling', () => {
  const recorded = parseManifest(contentOf(plan({ verify: { kind: 'tailscaled' } }).steps, layout.manifest));

  it('removes the container before the files that it is made of', () => {
    const lines = uninstallSteps(recorded, layout, { purge: true }).map(line);
    const [down, file] = ['compose-down derp-relay', `remove ${PROJECT}/compose.yaml`].map((one) => lines.indexOf(one));
    expect(down).toBeGreaterThanOrEqual(0);
    expect(file).toBeGreaterThan(down!);
    expect(lines).toContain('remove /etc/systemd/system/tailscaled.service.d/derp-setup.conf');
    expect(lines).toContain('remove /etc/systemd/system/tailscaled.service.d');
  });

  it('is of our own project, whatever the record says', () => {
    const compose = { name: 'theirs', directory: '/srv/theirs', container: 'theirs' };
    const [down] = uninstallSteps({ ...recorded, compose }, layout, { purge: false }).filter(
      ({ kind }) => kind === 'compose-down',
    );
    expect(down).toMatchObject({ project: { name: 'derp-setup', directory: PROJECT, container: 'derp-relay' } });
  });
});
