import { createPrivateKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { formatKeyFile, formatPublicKey, generateKeyPair } from '../../../src/protocol/keys.ts';
import { splitAutocertFile } from '../../../src/setup/derper/autocert.ts';
import type { ExistingDerper } from '../../../src/setup/derper/existing.ts';
import { takeOver } from '../../../src/setup/derper/take-over.ts';
import { temporaryDirectory } from '../../temporary.ts';
import { makeChain, type TestChain } from '../certificate/authority.ts';
import { fakeEngine } from './fake-engine.ts';
import { bareDerper, containerDerper, factsOf } from './fixtures.ts';

const host = 'derp.example.com';
const pair = generateKeyPair();

let chain: TestChain;
let sec1Key: string;
beforeAll(async () => {
  chain = await makeChain({ type: 'dns', value: host });
  // As Go writes ECDSA keys.
  sec1Key = createPrivateKey(chain.key).export({ type: 'sec1', format: 'pem' }) as string;
});

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

/** Writes a file below the test's directory. */
function put(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const run = (line: string, more = {}) => takeOver(bareDerper(line, { workingDirectory: directory, ...more }));
const gapsOf = async (derper: ExistingDerper | string, part: string) => {
  const { gaps } = typeof derper === 'string' ? await run(derper) : await takeOver(derper);
  return gaps.filter((gap) => gap.part === part);
};

describe('taking over a derper on the host', () => {
  const line = `derper -c keys/derper.key -certmode manual -certdir certs -hostname ${host} -a :8443`;

  it('takes its key, its files where they are, and its settings', async () => {
    put('keys/derper.key', formatKeyFile(pair));
    const certFile = put(`certs/${host}.crt`, chain.leaf + chain.intermediate);
    const keyFile = put(`certs/${host}.key`, chain.key);
    const rates = put('rate.json', '{"PerClientRateLimitBytesPerSec": 2000000, "PerClientRateBurstBytes": 4000000}');
    const found = await run(`${line} -home blank -verify-clients -rate-config ${rates} -accept-connection-limit 100`);
    expect(found).toMatchObject({
      host,
      ports: { derp: 8443, http: 80, stun: 3478 },
      address: null,
      tls: true,
      certMode: 'manual',
      verify: { kind: 'tailscaled' },
      mesh: undefined,
      home: 'blank',
      clientRate: { bytesPerSecond: 2_000_000, burstBytes: 4_000_000 },
      notCarriedOver: ['-accept-connection-limit'],
      gaps: [],
      certificate: { renewedBy: 'manual', selfSigned: false, files: { certFile, keyFile } },
      relayKey: { path: join(directory, 'keys/derper.key'), publicKey: formatPublicKey(pair.publicKey) },
    });
    expect(found.relayKey!.keyFile()).toBe(formatKeyFile(pair));
    expect(found.certificate!.keyPem()).toBe(chain.key);
  });

  it('says that the rate of its clients is lost where its file cannot be used', async () => {
    const rate = async (file: string) => {
      const { clientRate, notCarriedOver } = await run(`${line} -rate-config ${file}`);
      return { clientRate, notCarriedOver };
    };
    const lost = { clientRate: undefined, notCarriedOver: ['-rate-config'] };
    expect(await rate('/nowhere/rate.json')).toEqual(lost);
    expect(await rate(put('broken.json', '{'))).toEqual(lost);
    // A file without a rate asks for nothing; without a burst, the least that lets the longest packet through is taken.
    expect(await rate(put('none.json', '{}'))).toEqual({ clientRate: undefined, notCarriedOver: [] });
    expect(await rate(put('plain.json', '{"PerClientRateLimitBytesPerSec": 1000}'))).toEqual({
      clientRate: { bytesPerSecond: 1000, burstBytes: 65_568 },
      notCarriedOver: [],
    });
  });

  it('shows no secret in what it can be printed as', async () => {
    put('keys/derper.key', formatKeyFile(pair));
    put(`certs/${host}.crt`, chain.leaf);
    put(`certs/${host}.key`, chain.key);
    const text = JSON.stringify(await run(line));
    expect(text).toContain('nodekey:');
    expect(text).not.toMatch(/privkey|PRIVATE KEY/);
    expect(text).not.toContain(pair.privateKey.toString('hex'));
  });

  it('takes Let’s Encrypt’s certificate out of the cache', async () => {
    put(`cache/${host}`, sec1Key + chain.leaf + chain.intermediate);
    const found = await run(`derper -certdir cache -hostname ${host}`);
    expect(found.certificate).toMatchObject({ renewedBy: 'acme', files: undefined, selfSigned: false });
    expect(found.certificate!.certPem).toBe(chain.leaf + chain.intermediate);
    expect(createPrivateKey(found.certificate!.keyPem()).asymmetricKeyType).toBe('ec');
    expect(found.certMode).toBe('letsencrypt');
  });

  it('takes the RSA one if there is no other, and the one for an IP address', async () => {
    put(`cache/${host}+rsa`, sec1Key + chain.leaf);
    expect((await run(`derper -certdir cache -hostname ${host}`)).certificate).toBeDefined();
    const { certPem, keyPem } = await makeSelfSignedCertificate('2001:db8::7');
    put('cache/2001.db8..7.crt', certPem);
    put('cache/2001.db8..7.key', keyPem);
    const found = await run('derper -certdir cache -hostname 2001:db8::7 -acme-ip-certs');
    expect(found.certificate).toMatchObject({ renewedBy: 'acme', files: undefined });
  });

  it('knows derper’s spelling of an IPv6 address, and its own certificates', async () => {
    const { certPem, keyPem } = await makeSelfSignedCertificate('2001:db8::7');
    const certFile = put('certs/2001db87.crt', certPem);
    put('certs/2001db87.key', keyPem);
    const found = await run('derper -certmode manual -certdir certs -hostname 2001:db8::7');
    expect(found).toMatchObject({ host: '2001:db8::7', certificate: { selfSigned: true, files: { certFile } } });
  });

  it.each([
    ['nothing', {}, 'missing', `certs/${host}.crt`],
    ['no key', { crt: () => chain.leaf }, 'missing', `certs/${host}.key`],
    ['no certificate in the file', { crt: () => 'x', key: () => chain.key }, 'damaged', `certs/${host}.crt`],
    ['no key in the file', { crt: () => chain.leaf, key: () => 'x' }, 'damaged', `certs/${host}.crt`],
  ])('says that there is no certificate: %s', async (_, files, code, path) => {
    for (const [suffix, text] of Object.entries(files)) put(`certs/${host}.${suffix}`, text());
    expect(await gapsOf(line, 'certificate')).toEqual([{ part: 'certificate', code, path: join(directory, path) }]);
  });

  it('says what is wrong with one', async () => {
    const other = await makeChain({ type: 'dns', value: 'other.example.com' });
    const old = await makeChain({ type: 'dns', value: host }, { from: -60, until: -1 });
    const codeOf = async (cert: string, key: string) => {
      put(`certs/${host}.crt`, cert);
      put(`certs/${host}.key`, key);
      return (await gapsOf(line, 'certificate')).map(({ code }) => code);
    };
    expect(await codeOf(chain.leaf, other.key)).toEqual(['key-mismatch']);
    expect(await codeOf(other.leaf, other.key)).toEqual(['host-not-covered']);
    expect(await codeOf(old.leaf, old.key)).toEqual(['expired']);
    put(`cache/${host}`, old.key + old.leaf);
    const path = join(directory, 'cache', host);
    const expected = [{ part: 'certificate', code: 'expired', path }];
    expect(await gapsOf(`derper -certdir cache -hostname ${host}`, 'certificate')).toEqual(expected);
  });

  it('says that something in front of derper has the certificate', async () => {
    const found = await run(`derper -hostname ${host} -a 127.0.0.1:30001 -stun-port 3479`);
    expect(found).toMatchObject({ tls: false, address: '127.0.0.1', ports: { derp: 30_001, http: -1, stun: 3479 } });
    expect(found.gaps).toContainEqual({ part: 'certificate', code: 'plain-http', path: undefined });
  });

  it.each([
    ['missing', 'none.key', undefined],
    ['damaged', 'a.key', '{"PrivateKey":"privkey:12"}'],
    ['damaged', 'a.key', 'not JSON'],
    ['missing', 'a.key/inside', 'a file where a directory should be'],
    ['unreadable', '../', undefined],
  ])('says that there is no key: %s (%s)', async (code, name, text) => {
    if (text !== undefined) put('a.key', text);
    const path = join(directory, name);
    expect(await gapsOf(`derper -c ${name}`, 'relay-key')).toEqual([{ part: 'relay-key', code, path }]);
  });

  it('says that nobody knows where the key is', async () => {
    expect((await run('derper -c a.key', { workingDirectory: undefined })).gaps).toContainEqual({
      part: 'relay-key',
      code: 'unknown-place',
      path: 'a.key',
    });
    const user = { runsAsRoot: false, environment: {} };
    expect((await run(`derper -hostname ${host}`, user)).gaps).toEqual([
      { part: 'relay-key', code: 'unknown-place', path: undefined },
      { part: 'certificate', code: 'unknown-place', path: undefined },
    ]);
    expect(await gapsOf('derper -dev', 'relay-key')).toEqual([
      { part: 'relay-key', code: 'temporary', path: undefined },
    ]);
  });

  it('takes no host that is only an example', async () => {
    for (const name of ['your-hostname.com', '127.0.0.1', 'Derp.Tailscale.com']) {
      const found = await run(`derper -hostname ${name}`);
      expect(found.host).toBeUndefined();
      expect(found.gaps).toContainEqual({ part: 'host', code: 'placeholder', value: name.toLowerCase() });
      expect(found.gaps).toContainEqual({ part: 'certificate', code: 'no-host', path: undefined });
    }
    expect(await gapsOf('derper -hostname a_b', 'host')).toEqual([{ part: 'host', code: 'not-a-host', value: 'a_b' }]);
  });

  it('says how admission will differ', async () => {
    const url = 'https://hs.example.com/verify';
    const open = await run(`derper -verify-client-url ${url}`);
    expect(open.verify).toEqual({ kind: 'url', url });
    expect(open.gaps).toContainEqual({ part: 'verify', code: 'fails-closed', url });
    expect(await gapsOf(`derper -verify-client-url ${url} -verify-client-url-fail-open=false`, 'verify')).toEqual([]);
    const both = await run(`derper -verify-clients -verify-client-url ${url} -socket /run/ts.sock`);
    expect(both).toMatchObject({
      verify: { kind: 'tailscaled', socket: '/run/ts.sock' },
      notCarriedOver: ['-verify-client-url'],
    });
    expect((await run('derper -verify-clients -socket ts.sock')).verify).toEqual({
      kind: 'tailscaled',
      socket: join(directory, 'ts.sock'),
    });
    // Without -verify-clients derper does not ask there either.
    expect(await run('derper -socket /run/ts.sock')).toMatchObject({ verify: { kind: 'none' }, notCarriedOver: [] });
  });

  it('takes the mesh', async () => {
    const found = await run('derper -mesh-psk-file mesh.key -mesh-with a.example.com,b.example.com');
    const mesh = { keyFile: join(directory, 'mesh.key'), with: ['a.example.com', 'b.example.com'] };
    expect(found.mesh).toEqual(mesh);
  });

  it('names ports that it cannot read', async () => {
    expect(await gapsOf('derper -a nonsense', 'port')).toEqual([
      { part: 'port', port: 'derp', code: 'not-a-port', inside: undefined },
    ]);
  });
});

describe('taking over a container', () => {
  const line = `/app/derper --hostname=${host} --certmode=manual --certdir=/app/certs --a=:8443 --http-port=-1`;
  const facts = () => ({
    ...factsOf('docker-derper'),
    mounts: [{ kind: 'bind' as const, host: directory, inside: '/app/certs' }],
  });

  it('takes certificates through the mount, and the key out of the container', async () => {
    const engine = fakeEngine('docker');
    engine.put('/var/lib/derper/derper.key', formatKeyFile(pair));
    const certFile = put(`${host}.crt`, chain.leaf);
    const keyFile = put(`${host}.key`, chain.key);
    const found = await takeOver(containerDerper(facts(), line));
    expect(found).toMatchObject({
      ports: { derp: 443, http: -1, stun: 3478 },
      certificate: { files: { certFile, keyFile } },
      relayKey: { path: '/var/lib/derper/derper.key', publicKey: formatPublicKey(pair.publicKey) },
      gaps: [],
    });
    expect(engine.changes()).toEqual([]);
  });

  it.each(['docker', 'podman', 'containerd'] as const)('copies what is in a container of %s alone', async (engine) => {
    const fake = fakeEngine(engine === 'containerd' ? 'nerdctl' : engine);
    fake.put(`/app/certs/${host}.crt`, chain.leaf);
    fake.put(`/app/certs/${host}.key`, chain.key);
    const found = await takeOver(containerDerper({ ...facts(), mounts: [] }, line, { engine }));
    expect(found.certificate).toMatchObject({ files: undefined, certPem: chain.leaf });
    expect(found.gaps).toEqual([{ part: 'relay-key', code: 'missing', path: '/var/lib/derper/derper.key' }]);
  });

  it('does not count on files of a volume, which goes with the container', async () => {
    const fake = fakeEngine('docker');
    fake.put(`/app/certs/${host}.crt`, chain.leaf);
    fake.put(`/app/certs/${host}.key`, chain.key);
    const mounts = [{ kind: 'volume' as const, host: directory, inside: '/app/certs' }];
    const found = await takeOver(containerDerper({ ...facts(), mounts }, `${line} -mesh-psk-file /app/certs/mesh`));
    expect(found.certificate).toMatchObject({ files: undefined });
    expect(found.gaps).toContainEqual({ part: 'mesh-key', code: 'in-container', path: '/app/certs/mesh' });
  });

  it('asks the tailscaled that the container was given, by its place on the host', async () => {
    const asking = `${line} -verify-clients -socket /ts/tailscaled.sock`;
    const mounts = [{ kind: 'bind' as const, host: '/run/tailscale', inside: '/ts' }];
    const found = await takeOver(containerDerper({ ...facts(), mounts }, asking));
    expect(found).toMatchObject({
      verify: { kind: 'tailscaled', socket: '/run/tailscale/tailscaled.sock' },
      notCarriedOver: [],
    });
    const alone = await takeOver(containerDerper({ ...facts(), mounts: [] }, asking));
    expect(alone.verify).toEqual({ kind: 'tailscaled' });
    expect(alone.notCarriedOver).toEqual(['-socket']);
  });

  it('says so when the engine tells nothing', async () => {
    const derper = containerDerper(facts(), line, { facts: undefined });
    expect((await takeOver(derper)).gaps).toEqual([
      { part: 'relay-key', code: 'unreadable', path: '/var/lib/derper/derper.key' },
      { part: 'certificate', code: 'unreadable', path: `/app/certs/${host}.crt` },
    ]);
  });
});

describe('splitAutocertFile', () => {
  it('parts the key from the chain', () => {
    expect(splitAutocertFile(sec1Key + chain.leaf + chain.intermediate)).toEqual({
      keyPem: sec1Key,
      certPem: chain.leaf + chain.intermediate,
    });
  });

  it.each([
    ['nothing', () => ''],
    ['a key alone', () => sec1Key],
    ['a chain alone', () => chain.leaf + chain.intermediate],
    ['the key last', () => chain.leaf + sec1Key],
    ['two keys', () => sec1Key + sec1Key + chain.leaf],
    ['a cut file', () => sec1Key + chain.leaf.slice(0, 100)],
  ])('refuses %s', (_, text) => {
    expect(splitAutocertFile(text())).toBeUndefined();
  });
});
