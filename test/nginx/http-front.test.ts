/**
 * A relay behind an nginx that ends TLS for it, beside other sites: what works that way, what is lost, and that nobody's
 * word is believed but nginx's.
 */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import type { DerpClient, LoginWay } from '../../src/client/derp-client.ts';
import { type Pebble, startPebble } from '../acme/support/pebble.ts';
import { proveKey, RawClient } from '../relay/support/raw-client.ts';
import { makeChain, type TestChain } from '../setup/certificate/authority.ts';
import { nameMachine } from '../vps/support/derper.ts';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { derpSetup, notOurs, unpackPackage } from '../vps/support/unpacked.ts';
import { until } from '../vps/support/wait.ts';
import { ALPHA, BETA, makeSites, PLAIN, visit } from './support/sites.ts';

const HOST = 'derp.example.test';
const FILES = ['/etc/nginx/conf.d/zz-derp-setup-https.conf', '/etc/nginx/conf.d/zz-derp-setup.conf'];
const [CHAIN, KEY] = ['/etc/ssl/example/fullchain.pem', '/etc/ssl/example/privkey.pem'];
const CERTIFICATE = ['--cert', 'manual', '--cert-file', CHAIN, '--key-file', KEY];
const FRONT = ['--deploy', 'nginx-bypass', '--front', 'http'];
const INSTALL = ['--yes', '--json', ...FRONT, '--host', HOST, '--verify', 'none', ...CERTIFICATE];
const LEFT_ALONE = [...notOurs, '/var/log/nginx', '/var/lib/nginx'];
/** nginx ends a connection that says nothing for so long, unless it is told otherwise, milliseconds. */
const NGINX_PATIENCE_MS = 60_000;

let machine: Machine;
let chain: TestChain;
let pristine: FileTree;
/** Says nothing from the first test on. */
let quiet: DerpClient;
let quietSince: number;

beforeAll(async () => {
  machine = await bootMachine({ name: 'http-front', image: 'nginx', network: { ipv6: true } });
  await unpackPackage(machine);
  await makeSites(machine);
  await nameMachine(machine, HOST);
  chain = await putCertificate();
  pristine = tree();
});
afterAll(async () => {
  quiet?.close();
  await machine?.stop();
});

/** What the certificate's owner would renew. */
async function putCertificate(): Promise<TestChain> {
  const made = await makeChain({ type: 'dns', value: HOST });
  await machine.writeFile(CHAIN, made.leaf + made.intermediate);
  await machine.writeFile(KEY, made.key, 0o600);
  return made;
}

const tree = () => machine.fileTree(['/'], LEFT_ALONE);
const setup = (args: readonly string[]) => derpSetup(machine, args, { timeout: 120 });
const installed = (...args: string[]) => machine.run('/usr/local/bin/derp-setup', args, { timeout: 90 });
const connect = (way: LoginWay, address = machine.ipv4) =>
  connectDerp({
    host: HOST,
    addresses: [address],
    trust: { kind: 'ca', extraCa: chain.root },
    way,
    timeoutMs: 20_000,
    silenceMs: 300_000,
  });
const journal = () => machine.shell('journalctl -u derp-relay -o cat --no-pager');

async function expectSites(): Promise<void> {
  for (const name of [ALPHA, BETA]) {
    expect(await visit(machine.ipv4, name)).toMatchObject({ status: 200, body: name, subject: name });
  }
  expect(await visit(machine.ipv6!, ALPHA)).toMatchObject({ status: 200, body: ALPHA, subject: ALPHA });
  expect(await visit(machine.ipv4, undefined)).toMatchObject({ status: 200, body: ALPHA });
  expect(await machine.shell(`curl -s -H 'Host: ${PLAIN}' http://127.0.0.1/`)).toBe(`${PLAIN}\n`);
}

/** What nginx answers to these very bytes, sent by TLS. */
function say(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: machine.ipv4, port: 443, servername: HOST, rejectUnauthorized: false });
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
    socket.write(text);
  });
}

/** The certificate that visitors of the relay's host are shown. */
function served(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: machine.ipv4, port: 443, servername: HOST, rejectUnauthorized: false });
    socket.once('secureConnect', () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('a relay behind an nginx that ends TLS', () => {
  it('is refused for an address, which clients do not name in TLS', async () => {
    const run = await setup(['--dry-run', '--json', ...FRONT, '--host', machine.ipv4, '--verify', 'none']);
    expect(run.code, run.stdout).toBe(2);
    const [problem] = JSON.parse(run.stdout).problems;
    expect(problem).toMatchObject({ code: 'nginx-cannot-end-tls', flag: '--front' });
    expect(problem.remedy).toContain('--front stream');
  });

  it('is installed beside other sites, and the proof says what is lost', async () => {
    const { code, stdout, stderr } = await setup(INSTALL);
    expect(code, stderr + stdout).toBe(0);
    const { verification, derpMap } = JSON.parse(stdout);
    const found = Object.fromEntries(verification.checks.map((check: { id: string }) => [check.id, check]));
    expect(found.login).toMatchObject({ status: 'warning', ok: true, reason: 'tls-ends-before' });
    for (const id of ['certificate', 'relay', 'websocket', 'captive-portal']) {
      expect(found[id], id).toMatchObject({ status: 'ok' });
    }
    expect(derpMap.Regions['900'].Nodes[0]).toMatchObject({ HostName: HOST, CanPort80: true });
    for (const file of FILES) expect(await machine.exists(file)).toBe(true);
    await expectSites();
    expect(JSON.parse(await machine.readFile('/etc/derp-setup/relay.json'))).toMatchObject({
      listen: { host: '127.0.0.1', port: 8443 },
      certificate: null,
      forwardedFrom: ['127.0.0.2'],
      stunHost: null,
    });
    quiet = await connect('upgrade');
    quietSince = Date.now();
  });

  it('has nothing to do when it is set up again', async () => {
    expect(await setup(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
  });

  it('relays for our clients by upgrade and by WebSocket, and knows where they are', async () => {
    for (const [address, from] of [
      [machine.ipv4, machine.host.ipv4],
      [machine.ipv6!, machine.host.ipv6!],
    ] as const) {
      const [a, b] = [await connect('upgrade', address), await connect('websocket', address)];
      try {
        const received = new Promise<string>((resolve) => {
          b.handlers.onPacket = (_, packet) => resolve(Buffer.from(packet).toString());
        });
        a.send(b.publicKey, Buffer.from('through nginx'));
        expect(await received).toBe('through nginx');
      } finally {
        a.close();
        b.close();
      }
      await until(`${from} to be in the log`, { seconds: 10 }, async () => {
        const lines = (await journal()).split('\n').filter((line) => line.includes(`"address":"${from}"`));
        return (
          lines.some((line) => line.includes('"way":"upgrade"')) && lines.some((line) => line.includes('"websocket"'))
        );
      });
    }
  });

  it("relays for Tailscale's own client", async () => {
    await machine.writeFile('/srv/derp-map.json', await machine.readFile('/etc/derp-setup/derp-map.json'));
    await machine.writeFile('/srv/root.pem', chain.root);
    const probe = await machine.run(
      '/opt/tailscale/derpprobe',
      [
        '-derp-map',
        'file:///srv/derp-map.json',
        '-once',
        '-spread=false',
        '-bw-interval',
        '5s',
        '-bw-probe-size-bytes',
        '1000000',
      ],
      { timeout: 90, env: { SSL_CERT_FILE: '/srv/root.pem' } },
    );
    await machine.shell('rm -f /srv/derp-map.json /srv/root.pem');
    expect(probe.code, probe.stdout + probe.stderr).toBe(0);
    const good = [...probe.stderr.matchAll(/ good: ([^\s:]+): /g)].map(([, name]) => name);
    expect(good, probe.stderr).toEqual(
      expect.arrayContaining(['tls', 'mesh', 'bw'].map((what) => expect.stringMatching(`/${what}$`))),
    );
    expect(probe.stderr).not.toMatch(/ bad: /);
  });

  it('believes no header that a client has written', async () => {
    const forged = 'X-Forwarded-For: 192.0.2.99\r\nX-Real-IP: 192.0.2.99\r\nForwarded: for=192.0.2.99\r\n';
    const seen = async () =>
      (await journal()).split('\n').filter((line) => /"client_connected".*"way":"upgrade"/.test(line));
    const before = (await seen()).length;
    const socket = connectTls({ host: machine.ipv4, port: 443, servername: HOST, rejectUnauthorized: false });
    await using client = new RawClient(socket);
    client.expectHead();
    client.write(`GET /derp HTTP/1.1\r\nHost: ${HOST}\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n${forged}\r\n`);
    await proveKey(client);
    const login = await until('the client to be in the log', { seconds: 10 }, async () => (await seen())[before]);
    expect(JSON.parse(login)).toMatchObject({ address: machine.host.ipv4 });
    expect(await journal()).not.toContain('192.0.2.99');
    const local = 'X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nConnection: close\r\n';
    expect(await say(`GET /debug/vars HTTP/1.1\r\nHost: ${HOST}\r\n${local}\r\n`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await machine.shell(`curl -sk -o /dev/null -w '%{http_code}' https://${HOST}/debug/vars`)).toBe('403');
  });

  it('is looked after by status and doctor, which call it what it is', async () => {
    const status = JSON.parse((await installed('status', '--json')).stdout);
    expect(status.relay, JSON.stringify(status)).toMatchObject({ clients: expect.any(Number) });
    const { code, stdout } = await installed('doctor', '--json');
    const { findings } = JSON.parse(stdout);
    const failed = findings.filter(({ level }: { level: string }) => level === 'failed');
    expect(failed, stdout).toEqual([]);
    expect(findings).toContainEqual(expect.objectContaining({ id: 'tls-ends-in-nginx', level: 'ok' }));
    expect(findings).toContainEqual(expect.objectContaining({ id: 'nginx-runs', level: 'ok' }));
    expect(code).toBe(0);
    await machine.shell(`mv ${FILES[0]} /root/aside`);
    const without = JSON.parse((await installed('doctor', '--json')).stdout).findings;
    await machine.shell(`mv /root/aside ${FILES[0]}`);
    expect(without).toContainEqual(expect.objectContaining({ id: 'nginx-route-gone', level: 'failed' }));
  });

  it('serves a certificate that was renewed, and disconnects nobody', async () => {
    const before = await served();
    chain = await putCertificate();
    const { code, stderr } = await installed('renew');
    expect(code, stderr).toBe(0);
    expect(await served()).toBe(new X509Certificate(chain.leaf).fingerprint256);
    expect(await served()).not.toBe(before);
    expect(quiet.error).toBeUndefined();
  });

  it('lets clients be quiet for longer than nginx by itself would', async () => {
    // Nothing comes of the client, and of the relay a word a minute.
    await until('nginx to have lost its patience', { seconds: 80, pauseMs: 500 }, async () => {
      expect(quiet.error).toBeUndefined();
      return Date.now() - quietSince > NGINX_PATIENCE_MS + 5000;
    });
    expect(await quiet.ping()).toBeGreaterThan(0);
    quiet.close();
  });

  it('changes to TLS of its own behind nginx, and back', async () => {
    const stream = await setup(['--yes', '--json', '--front', 'stream']);
    expect(stream.code, stream.stderr + stream.stdout).toBe(0);
    expect(await machine.exists(FILES[0]!)).toBe(false);
    (await connect('fast-start')).close();
    await expectSites();
    const http = await setup(['--yes', '--json', '--front', 'http']);
    expect(http.code, http.stderr + http.stdout).toBe(0);
    await expectSites();
    (await connect('upgrade')).close();
  });

  it('is gone without a trace when it is uninstalled', async () => {
    const { code, stderr } = await setup(['uninstall', '--purge', '--yes']);
    expect(code, stderr).toBe(0);
    await expectSites();
    const renewed = [CHAIN, KEY];
    expect(diffTrees(pristine, tree()).filter((line) => !renewed.some((path) => line.includes(path)))).toEqual([]);
  });
});

describe('with a certificate of an authority', () => {
  let authority: Pebble;
  beforeAll(async () => {
    const address = machine.host.ipv4;
    const identity = await makeChain({ type: 'ip', value: address });
    authority = await startPebble({ address, identity, httpPort: 80, tlsPort: 443, ipv4: machine.ipv4 });
    await machine.writeFile('/usr/local/share/ca-certificates/issuer.crt', await authority.issuingRoot());
    await machine.writeFile('/usr/local/share/ca-certificates/server.crt', identity.root);
    await machine.shell('update-ca-certificates 2>&1');
  });
  afterAll(() => authority?.stop());

  it('nginx hands the challenge on before it ends TLS, and shows every certificate that is ordered', async () => {
    const order = ['--cert', 'letsencrypt', '--acme-directory', authority.directoryUrl];
    const run = await setup(['--yes', '--json', ...FRONT, '--host', HOST, '--verify', 'none', ...order]);
    expect(run.code, run.stderr + run.stdout).toBe(0);
    const kinds = JSON.parse(run.stdout).plan.map(({ kind }: { kind: string }) => kind);
    expect(kinds.filter((kind: string) => ['nginx', 'certificate', 'service'].includes(kind))).toEqual([
      ...['nginx', 'certificate', 'service', 'nginx'],
    ]);
    const certificate = async () =>
      new X509Certificate(await machine.readFile(`/etc/derp-setup/certs/${HOST}.crt`)).fingerprint256;
    const first = await served();
    expect(first).toBe(await certificate());
    const renewal = await installed('renew', '--force');
    expect(renewal.code, renewal.stderr).toBe(0);
    expect(await served()).toBe(await certificate());
    expect(await served()).not.toBe(first);
    await expectSites();
    expect((await setup(['uninstall', '--purge', '--yes'])).code).toBe(0);
  });
});

describe('what is written for nginx', () => {
  const golden = join(import.meta.dirname, '../deploy/golden');

  it.each(readdirSync(golden).filter((name) => /^nginx-https?\./.test(name)))(
    'is what it accepts: %s',
    async (name) => {
      // nginx tries to listen, so the address must be the machine's; and the certificate must be there.
      const text = readFileSync(join(golden, name), 'utf8').replaceAll('203.0.113.7', machine.ipv4);
      const certificate = [chain.leaf + chain.intermediate, chain.key] as const;
      for (const [at, ending] of ['crt', 'key'].entries()) {
        await machine.writeFile(`/srv/derp.${ending}`, certificate[at]!, 0o600);
      }
      await machine.writeFile(FILES[0]!, text.replaceAll('/etc/derp-setup/certs/', '/srv/'));
      const test = await machine.run('nginx', ['-t']);
      await machine.shell(`rm ${FILES[0]}`);
      expect(test.code, test.stderr).toBe(0);
      expect(test.stderr).not.toMatch(/\[(warn|emerg)\]/);
    },
  );
});
