import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { digestOf, type WrittenFile } from '../../../src/deploy/manifest.ts';
import { NFT_TABLE, nftScript } from '../../../src/deploy/nft-script.ts';
import type { FilePurpose } from '../../../src/deploy/steps.ts';
import { formatKeyFile, formatPublicKey, generateKeyPair } from '../../../src/protocol/keys.ts';
import { readNftInput } from '../../../src/setup/access/nft-lists.ts';
import { gatherAddressLists, gatherNftRules } from '../../../src/setup/doctor/gather/addresses.ts';
import { gatherAdmission } from '../../../src/setup/doctor/gather/admission.ts';
import { gatherCertificate } from '../../../src/setup/doctor/gather/certificate.ts';
import { gatherDisks, gatherEdited, gatherKey } from '../../../src/setup/doctor/gather/files.ts';
import { gatherPorts, gatherRuntime, isSupportedNode } from '../../../src/setup/doctor/gather/machine.ts';
import { gatherProbe } from '../../../src/setup/doctor/gather/probe.ts';
import { gatherHost } from '../../../src/setup/doctor/gather/routes.ts';
import { type Installed, readRelaySettings, type Whereabouts } from '../../../src/setup/status/installed.ts';
import { readServedChain } from '../../../src/setup/status/served-certificate.ts';
import { startTestRelay, type TestRelay } from '../../relay/support/test-relay.ts';
import { temporaryDirectory } from '../../temporary.ts';

const { signal } = new AbortController();
const missing = (path: string) => ({ state: 'missing', path }) as const;

/** An installation of which only the certificate's place is known. */
function installedAt({ config }: Pick<TestRelay, 'config'>, host: string, derpPort: number): Installed {
  const layout = layoutBelow(temporaryDirectory());
  const { hostname, certificate, keyFile, home } = config;
  const value = {
    hostname,
    derpPort,
    httpPort: -1,
    stunPort: -1,
    home,
    keyFile,
    behind: { derp: false, http: false },
    certificate,
    admission: config.admission,
    allowCidr: config.allowCidr,
    denyCidr: config.denyCidr,
    proxyProtocolFrom: [],
  };
  const node = { Name: '900a', RegionID: 900, HostName: host, DERPPort: derpPort };
  const region = { RegionID: 900, RegionCode: 'x', RegionName: 'X', Nodes: [node] };
  return {
    layout,
    target: 'systemd',
    onMachine: true,
    answers: missing(layout.config),
    relay: { state: 'read', path: layout.relayConfig, value },
    derpMap: { state: 'read', path: layout.derpMap, value: { Regions: { '900': region } } },
    manifest: missing(layout.manifest),
    version: undefined,
  };
}

const at = (port: number): Whereabouts => ({
  host: '127.0.0.1',
  ports: { derp: port, http: -1, stun: -1 },
  listens: { derp: port, http: -1, tls: true },
  pin: undefined,
  addresses: [],
});
const keyOf = ({ relay }: TestRelay) => relay.publicKey.toString('hex');

describe('the lists of addresses', () => {
  it('are looked at as the service will read them, each file by itself', async () => {
    const folder = temporaryDirectory();
    const [good, bad] = [join(folder, 'good'), join(folder, 'bad')];
    writeFileSync(good, '192.0.2.0/25\n192.0.3.128/25\n2001:db8::/32\n');
    writeFileSync(bad, '192.0.2.0/24\nmoved to /srv\n');
    const json = {
      listen: { host: null, port: 443 },
      hostname: 'h',
      keyFile: '/k',
      httpPort: 80,
      stunPort: -1,
      allowCidr: { ranges: ['192.0.2.1'], files: [good, bad] },
      denyCidr: { ranges: [], files: [join(folder, 'gone')] },
    };
    const relay = { state: 'read', path: '', value: readRelaySettings(json)! } as const;
    expect(await gatherAddressLists({ relay, target: 'foreground' })).toEqual([
      { path: good, list: 'allow', ranges: 3 },
      { path: bad, list: 'allow', rule: expect.objectContaining({ code: 'bad-address-line', line: 2 }) },
      { path: join(folder, 'gone'), list: 'deny', rule: expect.objectContaining({ code: 'file', problem: 'missing' }) },
    ]);
    // Temporary files are hidden from the service.
    expect((await gatherAddressLists({ relay, target: 'systemd' }))[0]).toMatchObject({
      rule: { code: 'unreachable-by-relay' },
    });
    expect(await gatherAddressLists({ relay: missing(''), target: 'systemd' })).toEqual([]);
    expect(readRelaySettings({ ...json, allowCidr: 'x', denyCidr: { ranges: 7 } })).toMatchObject({
      allowCidr: null,
      denyCidr: { ranges: [], files: [] },
    });
  });
});

describe('the kernel’s rules', () => {
  it('are of today’s lists, of others, of none any more, or nobody’s business', async () => {
    await using test = await startTestRelay();
    const installed = installedAt(test, '127.0.0.1', 443);
    const file = join(temporaryDirectory(), 'list');
    const withLists = (denyCidr: { ranges: string[]; files: string[] } | null): Installed => {
      if (installed.relay.state !== 'read') throw new Error('it is there');
      return { ...installed, relay: { ...installed.relay, value: { ...installed.relay.value, denyCidr } } };
    };
    const listed = withLists({ ranges: ['192.0.2.1'], files: [file] });
    writeFileSync(file, '198.51.100.0/24\n');
    const read = await readNftInput({}, listed);
    if (!('input' in read)) throw new Error('the list is fine');
    const loaded = async (table: string) => (table === NFT_TABLE ? nftScript(read.input).text : undefined);
    expect(await gatherNftRules(listed, loaded)).toBe('current');
    writeFileSync(file, '198.51.100.0/24\n198.51.101.0/24\n');
    expect(await gatherNftRules(listed, loaded)).toBe('stale');
    expect(await gatherNftRules(withLists(null), loaded)).toBe('without-lists');
    // A list that cannot be read is told of elsewhere.
    writeFileSync(file, 'moved\n');
    expect(await gatherNftRules(listed, loaded)).toBeUndefined();
    expect(await gatherNftRules(listed, async () => undefined)).toBeUndefined();
    expect(await gatherNftRules(listed, async () => 'table inet derp_setup {\n}')).toBeUndefined();
  });
});

describe('who answers at an address', () => {
  it('is this relay, another one, or nobody', async () => {
    await using ours = await startTestRelay();
    await using other = await startTestRelay();
    const look = async (port: number) => {
      const identity = { publicKey: keyOf(ours), fingerprint: undefined };
      const { routes } = await gatherHost(installedAt(ours, '127.0.0.1', port), at(port), identity, signal);
      return routes;
    };
    expect(await look(ours.port)).toEqual([{ address: '127.0.0.1', local: true, leads: 'here' }]);
    expect(await look(other.port)).toMatchObject([{ leads: 'elsewhere' }]);
    await other.relay.stop();
    expect(await look(other.port)).toMatchObject([{ leads: 'unreachable' }]);
  });
});

describe('the client’s side', () => {
  it('is probed, and a stranger is let in by an open relay only', async () => {
    await using test = await startTestRelay();
    const installed = installedAt(test, '127.0.0.1', test.port);
    const pin = (await gatherCertificate(installed, undefined, {}, new Date()))!.facts.pair!.pin;
    const probe = await gatherProbe(installed, { ...at(test.port), pin }, [], '', signal);
    expect(probe).toMatchObject({ byHost: false, known: false, stranger: undefined });
    expect(probe.checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('is let in with this machine’s own keys where others are not, and never shows them', async () => {
    const [a, b] = [generateKeyPair(), generateKeyPair()];
    const proverKeys = [formatPublicKey(a.publicKey), formatPublicKey(b.publicKey)];
    const keyFile = join(temporaryDirectory(), 'keys');
    writeFileSync(keyFile, '# nobody\n');
    await using test = await startTestRelay({ admission: { keyFile, proverKeys } });
    const installed = installedAt(test, '127.0.0.1', test.port);
    const { pin } = (await gatherCertificate(installed, undefined, {}, new Date()))!.facts.pair!;
    const look = () => gatherProbe(installed, { ...at(test.port), pin }, [], '', signal);
    const asStranger = await look();
    expect(asStranger).toMatchObject({ known: false, stranger: 'refused' });
    expect(asStranger.checks.find(({ id }) => id === 'login')).toMatchObject({ reason: 'not-admitted' });

    const privateKeys = [a, b].map(({ privateKey }) => `privkey:${privateKey.toString('hex')}`);
    mkdirSync(dirname(installed.layout.proverKeys), { recursive: true });
    writeFileSync(installed.layout.proverKeys, JSON.stringify({ privateKeys }));
    const known = await look();
    expect(known).toMatchObject({ known: true, stranger: 'refused' });
    expect(known.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(JSON.stringify(known)).not.toContain(a.privateKey.toString('hex').slice(0, 20));
  });
});

describe('the certificate', () => {
  it('is compared with the one that is served', async () => {
    await using test = await startTestRelay();
    const installed = installedAt(test, '127.0.0.1', test.port);
    const served = await readServedChain('127.0.0.1', test.port);
    const look = async () => (await gatherCertificate(installed, served, {}, new Date()))!.facts;
    const before = await look();
    expect(before).toMatchObject({ denied: false, problems: [], pair: { selfSigned: true, chainLength: 1 } });
    expect(before.served).toMatchObject({ fingerprint: before.pair!.fingerprint, pin: before.pair!.pin });
    const { certPem, keyPem } = await makeSelfSignedCertificate('127.0.0.1');
    writeFileSync(test.config.certificate!.certFile, certPem);
    expect((await look()).problems).toMatchObject([{ rule: { code: 'key-mismatch' } }]);
    writeFileSync(test.config.certificate!.keyFile, keyPem);
    const after = await look();
    expect(after.pair!.fingerprint).not.toBe(after.served!.fingerprint);
  });

  it('is not there where nothing speaks TLS', async () => {
    await using test = await startTestRelay({ certificate: null });
    expect(await readServedChain('127.0.0.1', test.port)).toBeUndefined();
  });
});

describe('files', () => {
  it('that were changed since they were written are found; those meant to be changed are not looked at', async () => {
    const folder = temporaryDirectory();
    const [same, changed, config] = ['same', 'changed', 'config'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [same, changed, config]) writeFileSync(path, 'now');
    const file = (path: string, purpose: FilePurpose, text: string): WrittenFile => ({
      path,
      purpose,
      sha256: digestOf(text),
    });
    const files: WrittenFile[] = [
      file(same, 'unit', 'now'),
      file(changed, 'unit', 'before'),
      file(config, 'config', 'before'),
      file(`${same}.gone`, 'unit', 'before'),
      { path: changed, purpose: 'certificate' },
    ];
    const manifest = { version: '1', files, directories: [], links: [], trees: [], units: [] };
    expect(await gatherEdited(manifest)).toEqual([changed]);
    expect(await gatherEdited(undefined)).toEqual([]);
  });

  it('with the relay’s key tell its public half, or what is wrong', async () => {
    const path = join(temporaryDirectory(), 'derper.key');
    expect(await gatherKey(path)).toEqual({ missing: true });
    const pair = generateKeyPair();
    writeFileSync(path, formatKeyFile(pair));
    expect(await gatherKey(path)).toEqual({ publicKey: pair.publicKey.toString('hex') });
    writeFileSync(path, '{}');
    expect(await gatherKey(path)).toMatchObject({ problem: { rule: { code: 'bad-relay-key' } } });
  });

  it('have room on their disk', async () => {
    await using test = await startTestRelay();
    const installed = installedAt(test, 'h', 1);
    expect(await gatherDisks(installed)).toEqual([]);
    mkdirSync(installed.layout.configDirectory, { recursive: true });
    const [disk] = await gatherDisks(installed);
    expect(disk).toMatchObject({ path: installed.layout.configDirectory, freeBytes: expect.any(Number) });
    expect(disk!.freeBytes).toBeGreaterThan(0);
  });
});

describe('those who say who may use the relay', () => {
  it('are asked, each in its own way', async () => {
    expect(await gatherAdmission(null)).toEqual({});
    const socket = join(temporaryDirectory(), 'none.sock');
    const keyFile = join(temporaryDirectory(), 'keys');
    writeFileSync(keyFile, `${formatPublicKey(generateKeyPair().publicKey)}\n`);
    const facts = await gatherAdmission({
      tailscaled: { socket },
      url: { url: 'http://127.0.0.1:1/verify', failOpen: false },
      keyFile,
    });
    expect(facts.tailscaled).toMatchObject({ state: 'absent' });
    expect(facts.url).toMatchObject({ detail: expect.stringContaining('cannot be reached') });
    // Files of the system's temporary directory are hidden from a service.
    expect(facts.keyFile).toMatchObject({ keys: 1, reachable: false });
    writeFileSync(keyFile, 'privkey:oops\n');
    expect((await gatherAdmission({ keyFile })).keyFile).toMatchObject({ detail: expect.stringContaining('line 1') });
  });
});

describe('the machine', () => {
  it('tells who has the ports', async () => {
    await using test = await startTestRelay();
    const [derp, ...others] = await gatherPorts({ derp: test.port, http: -1, stun: -1 });
    expect(derp).toMatchObject({ purpose: 'derp', owner: { pid: process.pid } });
    expect(others).toEqual([]);
  });

  it('tells which Node the unit names', async () => {
    const layout = layoutBelow(temporaryDirectory());
    const look = (path: string) => {
      mkdirSync(layout.unitDirectory, { recursive: true });
      writeFileSync(layout.unit('derp-relay.service'), `[Service]\nExecStart=${path} /x.cjs --config /y.json\n`);
      return gatherRuntime(layout);
    };
    expect(await gatherRuntime(layout)).toBeUndefined();
    expect(await look(process.execPath)).toMatchObject({
      state: 'works',
      version: process.versions.node,
      supported: true,
    });
    expect(await look('/no/such/node')).toEqual({ state: 'missing', path: '/no/such/node' });
    const notExecutable = join(temporaryDirectory(), 'node');
    writeFileSync(notExecutable, '');
    expect(await look(notExecutable)).toMatchObject({ state: 'broken' });
  });

  it.each([
    ['20.18.9', false],
    ['20.19.0', true],
    ['21.7.0', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['26.0.0', true],
  ])('needs a supported Node: %s', (version, supported) => {
    expect(isSupportedNode(version)).toBe(supported);
  });
});
