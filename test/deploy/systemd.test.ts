import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InstalledInput } from '../../src/deploy/installed-files.ts';
import { layoutBelow } from '../../src/deploy/layout.ts';
import {
  digestOf,
  formatManifest,
  isAsWritten,
  type Manifest,
  manifestOf,
  parseManifest,
} from '../../src/deploy/manifest.ts';
import { directoryStep, publicFileStep, type Step } from '../../src/deploy/steps.ts';
import { systemdPlan } from '../../src/deploy/systemd.ts';
import { launcher, relayUnit, renewTimer, renewUnit, type Templates } from '../../src/deploy/systemd-units.ts';
import { fillTemplate, TemplateError } from '../../src/deploy/template.ts';
import { uninstallSteps } from '../../src/deploy/uninstall.ts';

const templatesDirectory = join(import.meta.dirname, '../../templates');
const names = ['derp-relay.service', 'derp-setup-renew.service', 'derp-setup-renew.timer', 'derp-setup.sh'] as const;
const templates = Object.fromEntries(
  names.map((name) => [name, readFileSync(join(templatesDirectory, name), 'utf8')]),
) as unknown as Templates;

const layout = layoutBelow('/');
const HOST = '203.0.113.7';
const before = {
  userExists: false,
  existingDirectories: new Set(['/etc/systemd/system', '/usr/local/bin']),
  programsDirectory: layout.programsDirectory,
  openings: [],
  root: '/',
};
const input: InstalledInput = {
  layout,
  relay: {
    regionId: 900,
    regionCode: 'myderp',
    regionName: 'My DERP',
    nodeName: '900a',
    host: HOST,
    derpPort: 443,
    stunPort: 3478,
    httpPort: 80,
  },
  certificate: {
    certFile: layout.certificate(HOST),
    keyFile: layout.certificateKey(HOST),
    create: { certPem: 'CERT', keyPem: 'KEY' },
    pin: `sha256-raw:${'cd'.repeat(32)}`,
  },
  newRelayKey: 'RELAY KEY',
  home: 'default',
  logLevel: 'info',
  savedAnswers: '{}\n',
  version: '1.2.3',
  packageDirectory: '/npx/derp-setup',
  templates,
  runtime: { path: '/usr/bin/node', version: '24.1.0', reachable: true },
  verify: { kind: 'tailscaled' },
  access: { allowCidr: null, denyCidr: null, clientRate: null },
  noStart: false,
  manifest: (steps) => formatManifest(manifestOf(steps, '1.2.3', before)),
};

const plan = (changes: Partial<InstalledInput> = {}) => systemdPlan({ ...input, ...changes });

/** A step in a line: what it is about, without contents. */
function line(step: Step): string {
  const owner = 'owner' in step && step.owner ? ` ${step.owner.user}:${step.owner.group}` : '';
  if ('mode' in step) return `${step.kind} ${step.mode.toString(8)}${owner} ${step.path}`;
  if ('path' in step) return `${step.kind} ${step.path}`;
  if ('unit' in step) return `${step.kind} ${step.unit}`;
  return 'name' in step ? `${step.kind} ${step.name}` : step.kind;
}

const contentOf = (steps: readonly Step[], path: string) => {
  const found = steps.find((step) => step.kind === 'file' && step.path === path);
  return found?.kind === 'file' ? found.content : undefined;
};

describe('systemdPlan', () => {
  it('makes the user first and starts the service last', () => {
    expect(plan().steps.map(line)).toEqual([
      'directory 755 /etc/derp-setup',
      'file 644 /etc/derp-setup/installation.json',
      'user derp-relay',
      'directory 755 /usr/local/lib/derp-setup',
      'programs /usr/local/lib/derp-setup/1.2.3',
      'link /usr/local/lib/derp-setup/current',
      'directory 755 /usr/local/bin',
      'file 755 /usr/local/bin/derp-setup',
      'directory 700 derp-relay:derp-relay /var/lib/derp-setup',
      'file 600 derp-relay:derp-relay /var/lib/derp-setup/derper.key',
      'directory 750 root:derp-relay /etc/derp-setup/certs',
      'file 600 derp-relay:derp-relay /etc/derp-setup/certs/203.0.113.7.key',
      'file 644 derp-relay:derp-relay /etc/derp-setup/certs/203.0.113.7.crt',
      'file 644 /etc/derp-setup/relay.json',
      'file 644 /etc/derp-setup/derp-map.json',
      'file 644 /etc/derp-setup/headscale-derp.yaml',
      'file 644 /etc/derp-setup/config.json',
      'directory 755 /etc/systemd/system',
      'file 644 /etc/systemd/system/derp-relay.service',
      'file 644 /etc/systemd/system/derp-setup-renew.service',
      'file 644 /etc/systemd/system/derp-setup-renew.timer',
      'enable derp-relay.service',
      'enable derp-setup-renew.timer',
      'service derp-relay.service',
    ]);
  });

  it('has a relay without a certificate where nginx ends TLS, and believes nginx alone', () => {
    const front = { derpPort: 8443, httpPort: 8080, forwardedFrom: '127.0.0.2' };
    const { steps, relay, probe } = plan({ front });
    expect(relay).toMatchObject({
      listen: { host: '127.0.0.1', port: 8443 },
      certificate: null,
      forwardedFrom: ['127.0.0.2'],
      proxyProtocolFrom: [],
      httpPort: 8080,
      stunHost: null,
    });
    // Written all the same: nginx shows it.
    expect(contentOf(steps, layout.certificate(HOST))).toBe('CERT');
    const service = steps.find(({ kind }) => kind === 'service');
    expect(service).toMatchObject({ derpPort: 8443, plain: true, reloadFor: [] });
    expect(service).not.toHaveProperty('certificate');
    expect(probe).toMatchObject({ derpPort: 443, httpPort: 80 });
  });

  it('only writes files with --no-start', () => {
    const kinds = new Set(plan({ noStart: true }).steps.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['directory', 'file', 'link', 'programs', 'user']);
  });

  it('opens the firewall and stops derper before the service starts', () => {
    const lines = plan({ firewall: { tool: 'ufw' }, derper: { name: 'derper.service' } }).steps.map(line);
    expect(lines.slice(-5)).toEqual([
      'firewall',
      'stop-derper derper.service',
      'enable derp-relay.service',
      'enable derp-setup-renew.timer',
      'service derp-relay.service',
    ]);
  });

  it('copies a Node that the service cannot reach, and runs that', () => {
    const { steps } = plan({ runtime: { path: '/root/.nvm/node', version: '24.1.0', reachable: false } });
    const copy = '/usr/local/lib/derp-setup/node/24.1.0/node';
    expect(steps.map(line)).toContain(`runtime ${copy}`);
    expect(contentOf(steps, '/etc/systemd/system/derp-relay.service')).toContain(`ExecStart=${copy} `);
    expect(contentOf(steps, '/usr/local/bin/derp-setup')).toContain(`exec ${copy} `);
  });

  it('writes below a root what is true on the machine that it is for', () => {
    const image = layoutBelow('/srv/image');
    const { programsDirectory, root } = image;
    const manifest = (all: readonly Step[]) =>
      formatManifest(manifestOf(all, '1', { ...before, programsDirectory, root }));
    const { steps } = plan({ layout: image, noStart: true, manifest });
    const { certificate, challengeDirectory, keyFile } = JSON.parse(
      contentOf(steps, '/srv/image/etc/derp-setup/relay.json')!,
    );
    expect(certificate).toEqual({ certFile: layout.certificate(HOST), keyFile: layout.certificateKey(HOST) });
    expect(keyFile).toBe('/var/lib/derp-setup/derper.key');
    expect(challengeDirectory).toBe('/var/lib/derp-setup/acme');
    for (const step of steps) if ('path' in step) expect(step.path).toMatch(/^\/srv\/image\//);
    expect(steps.some((step) => step.kind === 'user')).toBe(true);
    for (const step of steps) if (step.kind === 'file') expect(step.content).not.toContain('/srv/image');
  });

  it('keeps keys and certificates that are there, but gives them to the relay', () => {
    const { newRelayKey: _, ...rest } = input;
    const { create: __, ...certificate } = input.certificate;
    const lines = systemdPlan({ ...rest, certificate }).steps.map(line);
    expect(lines).toContain('owner 600 derp-relay:derp-relay /var/lib/derp-setup/derper.key');
    expect(lines).toContain('owner 600 derp-relay:derp-relay /etc/derp-setup/certs/203.0.113.7.key');
    expect(lines.filter((text) => /^file.*\.(key|crt)$/.test(text))).toEqual([]);
  });

  it('never has a secret in a file that others may read', () => {
    for (const step of plan().steps) {
      if (step.kind !== 'file') continue;
      expect(step.secret, step.path).toBe(step.mode === 0o600);
      if (!step.secret) expect(step.content).not.toMatch(/RELAY KEY|\bKEY\b/);
    }
  });
});

describe('the units', () => {
  const units = {
    version: '1.2.3',
    node: '/usr/bin/node',
    relayProgram: '/usr/local/lib/derp-setup/current/bin/derp-relay.cjs',
    setupProgram: '/usr/local/lib/derp-setup/current/bin/derp-setup.cjs',
    relayConfig: '/etc/derp-setup/relay.json',
    user: 'derp-relay',
    ports: [443, 80, 3478],
    asksTailscaled: true,
  };

  it('are as in the golden files', async () => {
    const high = { ...units, ports: [8443, -1, 3478], asksTailscaled: false };
    await expect(relayUnit(templates, units)).toMatchFileSnapshot('golden/derp-relay.low-ports.service');
    await expect(relayUnit(templates, high)).toMatchFileSnapshot('golden/derp-relay.high-ports.service');
    await expect(renewUnit(templates, units)).toMatchFileSnapshot('golden/derp-setup-renew.service');
    await expect(renewTimer(templates, units)).toMatchFileSnapshot('golden/derp-setup-renew.timer');
    await expect(launcher(templates, units)).toMatchFileSnapshot('golden/derp-setup.sh');
  });

  it('quote what systemd and sh would read as something else', () => {
    const odd = { ...units, node: '/opt/my node/100%/$x/"n"' };
    expect(relayUnit(templates, odd)).toContain('ExecStart="/opt/my node/100%%/$$x/\\"n\\"" ');
    expect(launcher(templates, odd)).toContain(`exec '/opt/my node/100%/$x/"n"' `);
    expect(launcher(templates, { ...units, node: "/a'b" })).toContain("exec '/a'\\''b' ");
  });
});

describe('fillTemplate', () => {
  it('wants every hole filled, and every value used', () => {
    expect(fillTemplate('a {{b}} {{b}}', { b: '$& $1' })).toBe('a $& $1 $& $1');
    expect(() => fillTemplate('{{a}}', {})).toThrow(TemplateError);
    expect(() => fillTemplate('{{a}}', { a: '', b: '' })).toThrow(TemplateError);
  });
});

describe('the manifest', () => {
  const manifest = parseManifest(contentOf(plan().steps, layout.manifest)!);

  it('lists what was made, with digests of what is not secret', () => {
    expect(manifest.user).toBe('derp-relay');
    expect(manifest.directories).toEqual(['/etc/derp-setup', '/etc/derp-setup/certs', '/var/lib/derp-setup']);
    expect(manifest.units).toEqual(['derp-relay.service', 'derp-setup-renew.timer']);
    const unit = manifest.files.find(({ path }) => path.endsWith('derp-relay.service'));
    expect(unit?.sha256).toBe(digestOf(contentOf(plan().steps, unit!.path)!));
    for (const { path, sha256 } of manifest.files) if (/\.(key|crt)$/.test(path)) expect(sha256, path).toBeUndefined();
  });

  it('remembers what earlier runs made', () => {
    const later = manifestOf([], '1.3.0', { ...before, userExists: true, manifest });
    expect(later).toMatchObject({ version: '1.3.0', files: manifest.files, units: manifest.units });
    const userStep: Step = { kind: 'user', name: 'derp-relay', home: '/' };
    expect(manifestOf([userStep], '1', { ...before, userExists: true }).user).toBeUndefined();
    expect(manifestOf([userStep], '1', { ...before, userExists: true, manifest }).user).toBe('derp-relay');
  });

  it('remembers what was written before, since a run that is killed leaves that', () => {
    const step = (content: string): Step => ({ ...publicFileStep('config', layout.config, content) });
    const digests: (string | undefined)[][] = [];
    let last: Manifest | undefined;
    for (const content of ['a', 'b', 'b', 'c', 'a', 'd', 'e', 'f', 'g']) {
      last = manifestOf([step(content)], '1', { ...before, userExists: true, manifest: last });
      digests.push([last.files[0]!.sha256, ...(last.files[0]!.earlier ?? [])]);
      expect(isAsWritten(last.files[0]!, content)).toBe(true);
    }
    const of = (...contents: string[]) => contents.map(digestOf);
    expect(digests.slice(0, 5)).toEqual([of('a'), of('b', 'a'), of('b', 'a'), of('c', 'b', 'a'), of('a', 'c', 'b')]);
    expect(digests.at(-1)).toEqual(of('g', 'f', 'e', 'd', 'a'));
  });

  it('lists directories in one order, whatever was there when', () => {
    const steps = ['/usr/local/bin', '/etc/derp-setup'].map((path): Step => directoryStep(path));
    const first = manifestOf(steps, '1', { ...before, existingDirectories: new Set() });
    expect(first.directories).toEqual(['/etc/derp-setup', '/usr/local/bin']);
    const existingDirectories = new Set(first.directories);
    expect(manifestOf(steps, '1', { ...before, existingDirectories, manifest: first })).toEqual(first);
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"manifestVersion":1,"version":"1","files":[{"path":"/a","earlier":7}],"directories":[],"trees":[],"units":[]}',
    '{"manifestVersion":1,"files":[null]}',
    '{"manifestVersion":1,"version":"1","files":[{}]}',
  ])('is refused when damaged: %s', (text) => {
    expect(() => parseManifest(text)).toThrow('damaged');
  });

  it('is refused when a newer version wrote it', () => {
    expect(() => parseManifest('{"manifestVersion":2}')).toThrow('newer');
  });
});

describe('uninstallSteps', () => {
  const manifest: Manifest = {
    ...parseManifest(contentOf(plan().steps, layout.manifest)!),
    firewall: { tool: 'ufw', openings: [{ protocol: 'tcp', port: 443 }] },
  };

  it('removes what the manifest lists, and keeps keys and certificates for root alone', () => {
    const lines = uninstallSteps(manifest, layout, { purge: false }).map(line);
    expect(lines).toEqual([
      'disable derp-setup-renew.timer',
      'disable derp-relay.service',
      'close-firewall',
      'remove /etc/derp-setup/config.json',
      'remove /etc/derp-setup/derp-map.json',
      'remove /etc/derp-setup/headscale-derp.yaml',
      'remove /etc/derp-setup/relay.json',
      'remove /etc/systemd/system/derp-relay.service',
      'remove /etc/systemd/system/derp-setup-renew.service',
      'remove /etc/systemd/system/derp-setup-renew.timer',
      'remove /usr/local/bin/derp-setup',
      'reload-units',
      'remove /usr/local/lib/derp-setup',
      'owner 644 root:root /etc/derp-setup/certs/203.0.113.7.crt',
      'owner 644 root:root /etc/derp-setup/certs/203.0.113.7.crt.previous',
      'owner 644 root:root /etc/derp-setup/certs/203.0.113.7.next.crt',
      'owner 600 root:root /etc/derp-setup/certs/203.0.113.7.key',
      'owner 600 root:root /etc/derp-setup/certs/203.0.113.7.key.previous',
      'owner 600 root:root /etc/derp-setup/certs/203.0.113.7.next.key',
      'owner 600 root:root /var/lib/derp-setup/derper.key',
      'directory 755 root:root /etc/derp-setup/certs',
      'directory 700 root:root /var/lib/derp-setup',
      'remove /etc/derp-setup/installation.json',
      'remove-user derp-relay',
    ]);
  });

  it('leaves nothing with --purge', () => {
    const lines = uninstallSteps(manifest, layout, { purge: true }).map(line);
    expect(lines).toContain('remove /var/lib/derp-setup/derper.key');
    expect(lines).toContain('remove /var/lib/derp-setup');
    expect(lines.slice(-3)).toEqual([
      'remove /etc/derp-setup/certs',
      'remove /etc/derp-setup',
      'remove-user derp-relay',
    ]);
  });

  it('takes back what nginx was told, when the file is gone', () => {
    const path = '/etc/nginx/conf.d/zz-derp-setup.conf';
    const told = [path, '/etc/nginx/conf.d/shop.conf'];
    const files = told.map((file) => ({ path: file, purpose: 'nginx-config' as const }));
    const steps = uninstallSteps({ ...manifest, files }, layout, { purge: false });
    const about = steps.filter((step) => step.kind === 'nginx' || ('path' in step && step.path.includes('nginx')));
    expect(about).toEqual([
      { kind: 'remove', what: 'file', path },
      { kind: 'nginx', reloadFor: [path], isOptional: true },
    ]);
    // By its name alone a file is not nginx's.
    const other = uninstallSteps({ ...manifest, files: [{ path, purpose: 'unit' }] }, layout, { purge: false });
    expect(other.map(line)).not.toContain(`remove ${path}`);
  });

  it('believes no manifest that names what was never ours', () => {
    const paths = [
      '/etc/passwd',
      '/etc/systemd/system/ssh.service',
      '/etc/derp-setup/../shadow',
      '/usr/local/bin/other',
    ];
    const forged = {
      ...manifest,
      files: paths.map((path) => ({ path, purpose: 'unit' as const })),
      trees: ['/', '/home'],
    };
    const lines = uninstallSteps({ ...forged, directories: ['/', '/etc'] }, layout, { purge: true }).map(line);
    expect(lines.filter((text) => text.startsWith('remove ') && !text.includes('derp-setup'))).toEqual([]);
    expect(lines.join('\n')).not.toContain('..');
  });
});
