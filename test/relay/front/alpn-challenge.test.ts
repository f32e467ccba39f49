import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../temporary.ts';
import { ChallengeFolder, challengePem } from '../support/challenges.ts';
import { GoodPair } from '../support/good-pair.ts';
import { ask } from '../support/http.ts';
import { proxyV1 } from '../support/proxy-header.ts';
import { logIn, RawClient } from '../support/raw-client.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

const ACME = 'acme-tls/1';
const NAME = 'derp.example';
const V4 = '7.113.0.203.in-addr.arpa';
const V6 = '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa';

let server: TestRelay;
let directory: string;
let folder: ChallengeFolder;
beforeEach(async () => {
  directory = join(temporaryDirectory(), 'acme');
  folder = new ChallengeFolder(directory);
  server = await startTestRelay({ challengeDirectory: directory });
});
afterEach(() => server[Symbol.asyncDispose]());

/** What came of a handshake. */
interface Outcome {
  protocol?: string | false | null;
  certificate?: X509Certificate;
  /** The code of the error or alert that ended it. */
  error?: string;
  /** What the server sent inside TLS. */
  data: string;
}

/** Shakes hands, says something, and waits until the server closes. */
async function shake(options: ConnectionOptions, { say = '', tcp }: { say?: string; tcp?: Socket } = {}) {
  const where = tcp === undefined ? { port: server.port, host: '127.0.0.1' } : { socket: tcp };
  const socket: TLSSocket = connectTls({ ...where, rejectUnauthorized: false, ...options });
  socket.setTimeout(20_000, () => socket.destroy(new Error('the relay did not close')));
  const outcome: Outcome = { data: '' };
  socket.on('data', (chunk: Buffer) => {
    outcome.data += chunk.toString('latin1');
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    outcome.error ??= error.code ?? error.message;
  });
  socket.on('secureConnect', () => {
    outcome.protocol = socket.alpnProtocol;
    outcome.certificate = socket.getPeerX509Certificate()!;
    if (say !== '') socket.write(say);
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return outcome;
}

const refused = { error: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', data: '' };
const count = (kind: string) => server.count('challenges', kind);

/** The leaf of a PEM with certificate and key. */
const leafOf = (pem: string) => new X509Certificate(pem).fingerprint256;
const served = () => server.relay.snapshot().certificate as { sha256: string };
const isServed = ({ certificate }: Outcome) =>
  certificate?.fingerprint256.replaceAll(':', '').toLowerCase() === served().sha256;

describe('a tls-alpn-01 challenge', () => {
  it.each([
    ['a name', 'dns', NAME, NAME],
    ['an IPv4 address', 'ip', '203.0.113.7', V4],
    ['an IPv6 address', 'ip', '2001:db8::7', V6],
  ] as const)(
    'for %s is answered with its certificate, and the connection ends',
    async (_, type, value, servername) => {
      for (const [keyType, maxVersion] of [
        ['ec', 'TLSv1.3'],
        ['rsa', 'TLSv1.2'],
      ] as const) {
        const pem = await challengePem(type, value, keyType);
        folder.alpn(servername, pem);
        const outcome = await shake(
          { servername, ALPNProtocols: [ACME], maxVersion },
          { say: 'GET / HTTP/1.1\r\n\r\n' },
        );
        expect(outcome).toMatchObject({ protocol: ACME, data: '' });
        expect(outcome.certificate!.fingerprint256).toBe(leafOf(pem));
      }
      expect([count('tls_alpn_01'), count('unknown')]).toEqual([2, 0]);
      expect(server.count('clients')).toBe(0);
    },
  );

  it('is there from the moment its file is, changes with it, and goes with it', async () => {
    const options = { servername: NAME, ALPNProtocols: [ACME] };
    for (const pem of [await challengePem('dns', NAME), await challengePem('dns', NAME)]) {
      expect(await shake(options)).toEqual(refused);
      folder.alpn(NAME, pem);
      expect((await shake(options)).certificate!.fingerprint256).toBe(leafOf(pem));
      rmSync(folder.alpn(NAME));
    }
    expect(await shake(options)).toEqual(refused);
  });

  it('is found whatever the letters of its name', async () => {
    const pem = await challengePem('dns', NAME);
    folder.alpn(NAME, pem);
    const outcome = await shake({ servername: 'DERP.Example', ALPNProtocols: [ACME] });
    expect(outcome.certificate!.fingerprint256).toBe(leafOf(pem));
  });

  it('may come in pieces', async () => {
    const pem = await challengePem('dns', NAME);
    folder.alpn(NAME, pem);
    const pieces = connectTcp({ port: server.port, host: '127.0.0.1', noDelay: true });
    const write = pieces.write.bind(pieces) as (bytes: Buffer) => boolean;
    // Everything the client says goes out a few bytes at a time.
    pieces.write = ((bytes: Buffer | string, ...rest: unknown[]) => {
      const all = Buffer.from(bytes as string, typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'latin1');
      for (let at = 0; at < all.length; at += 50) write(all.subarray(at, at + 50));
      (rest.find((argument) => typeof argument === 'function') as (() => void) | undefined)?.();
      return true;
    }) as typeof pieces.write;
    const outcome = await shake({ servername: NAME, ALPNProtocols: [ACME] }, { tcp: pieces });
    expect(outcome.certificate!.fingerprint256).toBe(leafOf(pem));
  });

  it('may come behind a PROXY header', async () => {
    await using proxied = await startTestRelay({
      challengeDirectory: directory,
      proxyProtocolFrom: ['127.0.0.1'],
    });
    const pem = await challengePem('dns', NAME);
    folder.alpn(NAME, pem);
    const tcp = connectTcp({ port: proxied.port, host: '127.0.0.1' });
    tcp.write(proxyV1('192.0.2.9', 1234));
    const outcome = await shake({ servername: NAME, ALPNProtocols: [ACME] }, { tcp });
    expect(outcome.certificate!.fingerprint256).toBe(leafOf(pem));
    const preamble = proxyV1('192.0.2.9', 1234);
    expect((await ask(proxied.port, 'GET /', { preamble })).status).toBe(200);
  });
});

describe('without a challenge for it', () => {
  it.each<[string, ConnectionOptions]>([
    ['another name', { servername: 'other.example' }],
    ['no name', {}],
    ['a name that is a path', { servername: '../webroot/secret' }],
    ['a name with a slash', { servername: 'a/b' }],
    ['a name of dots', { servername: '..' }],
    ['a name with a dot too many', { servername: `${NAME}.` }],
    ['a name that is empty between dots', { servername: 'derp..example' }],
    ['a name that is too long', { servername: `${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(63) }],
    ['a name of a file of another kind', { servername: 'notes.txt' }],
  ])('the handshake is refused: %s', async (_, options) => {
    const refuse = () => shake({ ...options, ALPNProtocols: [ACME] });
    expect(await refuse()).toEqual(refused);
    const pem = await challengePem('dns', NAME);
    folder.alpn(NAME, pem);
    folder.alpn('.', pem);
    writeFileSync(join(directory, 'alpn/notes.txt'), pem);
    writeFileSync(join(directory, 'secret.pem'), pem);
    expect(await refuse()).toEqual(refused);
    expect([count('tls_alpn_01'), count('unknown')]).toEqual([0, 1]);
  });

  it.each<[string, (path: string, pem: string) => void]>([
    ['no PEM', (path) => writeFileSync(path, 'nonsense')],
    ['no key', (path, pem) => writeFileSync(path, pem.replace(/-----BEGIN PRIVATE KEY[\s\S]*/, ''))],
    ['half a key', (path, pem) => writeFileSync(path, pem.slice(0, -80))],
    ['too long', (path, pem) => writeFileSync(path, pem + ' '.repeat(64 << 10))],
    ['a link', (path, pem) => [writeFileSync(join(directory, 'x'), pem), symlinkSync(join(directory, 'x'), path)]],
  ])('nor by a file that is %s, which is told once', async (_, write) => {
    folder.alpn('other.example', 'x');
    write(folder.alpn(NAME), await challengePem('dns', NAME));
    for (let i = 0; i < 2; i++) expect(await shake({ servername: NAME, ALPNProtocols: [ACME] })).toEqual(refused);
    const troubles = server.log.filter(({ event }) => event === 'challenge_unusable');
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatchObject({ level: 'warn', problem: expect.stringContaining(folder.alpn(NAME)) });
    expect(JSON.stringify(troubles)).not.toContain('PRIVATE');
  });
});

describe('everybody else', () => {
  beforeEach(async () => {
    folder.alpn(NAME, await challengePem('dns', NAME));
    folder.alpn('127.0.0.1', await challengePem('ip', '127.0.0.1'));
  });

  const request = 'GET /robots.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

  it.each<[string, ConnectionOptions, string | false]>([
    ['no protocol at all', {}, false],
    ['http/1.1', { ALPNProtocols: ['http/1.1'] }, 'http/1.1'],
    ['several', { ALPNProtocols: ['h2', 'http/1.1'] }, 'http/1.1'],
    ['acme-tls/1 among others', { ALPNProtocols: [ACME, 'http/1.1'] }, 'http/1.1'],
  ])('is served as ever while there is a challenge: %s', async (_, options, protocol) => {
    for (const servername of [NAME, undefined]) {
      const outcome = await shake({ ...options, ...(servername && { servername }) }, { say: request });
      expect(outcome.protocol).toBe(protocol);
      expect(outcome.data).toContain('Disallow: /');
      expect(isServed(outcome)).toBe(true);
    }
    expect([count('tls_alpn_01'), count('unknown')]).toEqual([0, 0]);
  });

  it('is refused as ever with other protocols only', async () => {
    expect(await shake({ servername: NAME, ALPNProtocols: ['h2'] })).toEqual(refused);
    expect(await shake({ servername: NAME, ALPNProtocols: ['acme-tls/2'] })).toEqual(refused);
    expect(await shake({ servername: NAME, ALPNProtocols: ['acme-tls/1x', ACME] })).toEqual(refused);
  });

  it.each(['shared', 'events'] as const)(
    'logs in as ever, also by fast start without a protocol: %s',
    async (readMode) => {
      await using relay = await startTestRelay({ challengeDirectory: directory }, { readMode });
      await using pair = await GoodPair.start(relay.port);
      const socket = connectTls({ port: relay.port, host: '127.0.0.1', rejectUnauthorized: false });
      await using client = new RawClient(socket);
      await once(socket, 'secureConnect');
      expect(socket.alpnProtocol).toBe(false);
      await using fast = await logIn(relay.port, { way: 'fast-start', relayKey: relay.relay.publicKey });
      await fast.settled();
      await delay(100);
      const { sent, received } = await pair.finish();
      expect(sent[0]).toBeGreaterThan(5);
      expect(received).toEqual(sent.map((n) => Array.from({ length: n }, (_, i) => i)));
      expect(relay.count('logins', 'fast_start')).toBe(1);
      expect(client.closed).toBe(false);
    },
  );

  it('that is no TLS is turned away by TLS', async () => {
    const client = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
    client.write('GET / HTTP/1.1\r\n\r\n');
    await client.untilClosed();
    expect(server.count('noise', 'tls_handshake_failed')).toBe(1);
  });

  it('that hangs up in the middle of a hello leaves nothing behind', async () => {
    for (const bytes of ['', '16', '1603010200010001fc0303']) {
      const client = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
      await once(client.socket, 'connect');
      if (bytes !== '') client.write(Buffer.from(bytes, 'hex'));
      await delay(20);
      await client[Symbol.asyncDispose]();
    }
    expect((await ask(server.port, 'GET /')).status).toBe(200);
    expect(server.count('internal_errors')).toBe(0);
  });
});
