import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layout, layoutBelow } from '../../../src/deploy/layout.ts';
import { locateInstallation } from '../../../src/setup/status/gather.ts';
import {
  readInstalled,
  readRelaySettings,
  readValue,
  tlsPort,
  whereabouts,
} from '../../../src/setup/status/installed.ts';
import { temporaryDirectory } from '../../temporary.ts';

const map = (node: object) => ({
  Regions: {
    '901': { RegionID: 901, RegionCode: 'x', RegionName: 'X', Nodes: [{ Name: '901a', RegionID: 901, ...node }] },
  },
});
const relay = {
  listen: { host: null, port: 8443 },
  certificate: { certFile: '/c', keyFile: '/k' },
  hostname: 'derp.example.com',
  httpPort: 80,
  stunPort: -1,
  keyFile: '/key',
  home: 'default',
  admission: null,
};

function below(files: Partial<Record<'config' | 'relayConfig' | 'derpMap' | 'manifest', unknown>>): Layout {
  const layout = layoutBelow(temporaryDirectory());
  for (const [name, content] of Object.entries(files)) {
    const path = layout[name as 'config'];
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return layout;
}

describe('an installation that a service runs', () => {
  it('is read from its files', async () => {
    const layout = below({
      config: { version: 1, answers: { host: 'derp.example.com', derpPort: 8443, verify: 'none' } },
      relayConfig: relay,
      derpMap: map({ HostName: 'derp.example.com', DERPPort: 8443, CertName: `sha256-raw:${'a'.repeat(64)}` }),
      manifest: { manifestVersion: 1, version: '1.2.3', files: [], directories: [], links: [], trees: [], units: [] },
    });
    const installed = await readInstalled(layout);
    expect(installed).toMatchObject({ target: 'systemd', onMachine: false, version: '1.2.3' });
    expect(readValue(installed.answers)?.given).toMatchObject({ derpPort: { value: 8443 } });
    expect(whereabouts(installed)).toEqual({
      host: 'derp.example.com',
      ports: { derp: 8443, http: 80, stun: -1 },
      listens: { derp: 8443, http: 80, tls: true },
      pin: `sha256-raw:${'a'.repeat(64)}`,
      addresses: [],
    });
  });

  it('is read as far as it goes: one bad file does not hide the others', async () => {
    const layout = below({
      config: '{',
      relayConfig: { hostname: 'x' },
      derpMap: map({ HostName: '192.0.2.1' }),
      manifest: '[]',
    });
    const installed = await readInstalled(layout);
    expect(installed.answers).toMatchObject({ state: 'bad', problem: { rule: { code: 'not-json' } } });
    expect(installed.relay).toMatchObject({ state: 'damaged', path: layout.relayConfig });
    expect(installed.manifest).toMatchObject({ state: 'bad', problem: { rule: { code: 'bad-manifest' } } });
    expect(whereabouts(installed)?.host).toBe('192.0.2.1');
  });

  it('knows where clients come to when something else on the machine stands before the relay', async () => {
    const behind = { ...relay, listen: { host: '127.0.0.1', port: 8443 }, httpPort: 8080, stunPort: 3478 };
    const layout = below({ relayConfig: behind, derpMap: map({ HostName: 'derp.example.com', CanPort80: true }) });
    expect(whereabouts(await readInstalled(layout))).toMatchObject({
      ports: { derp: 443, http: 80, stun: 3478 },
      listens: { derp: 8443, http: 8080, tls: true },
    });
  });

  it('knows where TLS ends, which may be before the relay', async () => {
    const derpMap = map({ HostName: 'derp.example.com' });
    const behind = { ...relay, listen: { host: '127.0.0.1', port: 8443 } };
    const tlsPortOf = async (relayConfig: object) =>
      tlsPort(whereabouts(await readInstalled(below({ relayConfig, derpMap })))!);
    expect(await tlsPortOf(behind)).toBe(8443);
    expect(await tlsPortOf({ ...behind, certificate: null })).toBe(443);
  });

  it.runIf(process.getuid?.() !== 0)('tells which file it may not read', async () => {
    const layout = below({ relayConfig: relay });
    chmodSync(layout.relayConfig, 0);
    expect((await readInstalled(layout)).relay).toMatchObject({
      problem: { rule: { code: 'file', problem: 'denied' } },
    });
  });

  it.each([
    ['a list', []],
    ['no port', { ...relay, listen: {} }],
    ['a port that is none', { ...relay, stunPort: 70_000 }],
    ['no name', { ...relay, hostname: 7 }],
    ['a certificate that is none', { ...relay, certificate: 'x' }],
  ])('has no settings in a file with %s', (_, json) => {
    expect(readRelaySettings(json)).toBeUndefined();
    expect(readRelaySettings(relay)).toBeDefined();
  });
});

describe('a relay in the foreground', () => {
  it('is known by its map alone, with the ports that clients assume', async () => {
    const layout = below({
      config: { version: 1, answers: { host: 'h.example.com' } },
      derpMap: map({ HostName: 'h.example.com', IPv4: '192.0.2.7', IPv6: 'none', CanPort80: true }),
    });
    const installed = await readInstalled(layout);
    expect(installed).toMatchObject({ target: 'foreground', onMachine: true, version: undefined });
    expect(whereabouts(installed)).toEqual({
      host: 'h.example.com',
      ports: { derp: 443, http: 80, stun: 3478 },
      listens: { derp: 443, http: 80, tls: true },
      pin: undefined,
      addresses: ['192.0.2.7'],
    });
  });
});

describe('where the installation is', () => {
  it('is where the user says, and nowhere else', async () => {
    const userRoot = below({ config: {} }).root;
    const empty = temporaryDirectory();
    expect(await locateInstallation({ root: empty, userRoot })).toBeUndefined();
    expect((await locateInstallation({ root: userRoot, userRoot: empty }))?.root).toBe(userRoot);
  });

  it('is found when there is only a file that cannot be used', async () => {
    const { root } = below({ relayConfig: 'rubbish' });
    expect((await locateInstallation({ root, userRoot: join(root, 'none') }))?.root).toBe(root);
  });
});
