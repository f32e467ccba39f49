import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { type Check, type CheckData, type CheckId, checkIds, type ProbeOptions } from '../../src/probe/check.ts';
import { probeRelay } from '../../src/probe/probe.ts';
import { pinOf } from '../../src/protocol/certificate-pin.ts';
import { generateKeyPair } from '../../src/protocol/keys.ts';
import { listenOnLoopback } from '../loopback.ts';
import { startTestRelay, type TestRelay } from '../relay/support/test-relay.ts';

/** All checks by their ids; fails the test if any is missing, doubled or out of order. */
async function probe(options: ProbeOptions): Promise<{ [Id in CheckId]: Check<Id> }> {
  const checks: Check[] = [];
  for await (const check of probeRelay({ packets: 10, timeoutMs: 1000, ...options })) checks.push(check);
  expect(checks.map(({ id }) => id)).toEqual(checkIds);
  for (const { status, ok, ms, reason, remedy } of checks) {
    expect(ms === undefined).toBe(status === 'skipped');
    if (status !== 'skipped') expect(ok).toBe(status !== 'failed');
    const isProblem = status === 'failed' || status === 'warning';
    expect([reason !== undefined, remedy !== undefined]).toEqual([isProblem, isProblem]);
  }
  return Object.fromEntries(checks.map((check) => [check.id, check])) as { [Id in CheckId]: Check<Id> };
}

function statuses(checks: Record<CheckId, Check>): Record<string, string> {
  return Object.fromEntries(checkIds.map((id) => [id, checks[id].status]));
}

async function optionsFor({ config, port, relay }: TestRelay): Promise<ProbeOptions> {
  const pin = config.certificate ? pinOf(await readFile(config.certificate.certFile, 'utf8')) : undefined;
  const { stun: stunPort, http: httpPort } = relay.ports;
  return { host: '127.0.0.1', derpPort: port, stunPort, httpPort, ...(pin === undefined ? {} : { pin }) };
}

/** A web server with TLS in the place of a relay. */
async function listenHttps(answer: string, maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
  const { certPem, keyPem, pin } = await makeSelfSignedCertificate('127.0.0.1');
  const server = createTlsServer({ cert: certPem, key: keyPem, maxVersion }, (socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(answer));
  });
  const { port, [Symbol.asyncDispose]: dispose } = await listenOnLoopback(server);
  return {
    options: { host: '127.0.0.1', derpPort: port, stunPort: -1, httpPort: -1, pin },
    [Symbol.asyncDispose]: dispose,
  };
}

/** A TCP proxy to a relay that may change what the relay's clients send; stands for whatever is in between. */
function proxyTo(port: number, change: (chunk: Buffer) => Buffer = (chunk) => chunk): Server {
  return createServer((socket) => {
    const upstream = connect(port, '127.0.0.1');
    socket.on('data', (chunk: Buffer) => upstream.write(change(chunk)));
    socket.on('close', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    upstream.pipe(socket);
  });
}

describe('probeRelay with a relay that is right', () => {
  it('finds every check ok, tells each as it begins, and is counted as two ways of login', async () => {
    await using server = await startTestRelay({ httpPort: 0, stunPort: 0 });
    const begun: CheckId[] = [];
    const options = await optionsFor(server);
    const checks = await probe({ ...options, onStart: (id) => begun.push(id) });
    expect(statuses(checks)).toEqual(Object.fromEntries(checkIds.map((id) => [id, 'ok'])));
    expect(begun).toEqual(checkIds);
    const serverKey = `nodekey:${server.relay.publicKey.toString('hex')}`;
    expect(checks.login.data).toEqual({ way: 'fast-start', serverKey });
    expect(checks.websocket.data).toEqual({ serverKey });
    expect(checks.tls.data).toMatchObject({ protocol: 'TLSv1.3' });
    expect(checks.certificate.data).toMatchObject({ pin: options.pin, trust: 'pin', metaCertificate: true });
    expect(checks.relay.data).toMatchObject({ sent: 20, lost: 0, loss: 0, bytes: 4000 });
    const { minMs, medianMs, maxMs } = checks.relay.data as CheckData['relay'];
    expect(minMs).toBeGreaterThan(0);
    expect(minMs).toBeLessThanOrEqual(medianMs!);
    expect(medianMs).toBeLessThanOrEqual(maxMs!);
    expect(checks.stun.data?.answers).toMatchObject([{ server: '127.0.0.1', mapped: '127.0.0.1' }]);
    expect(server.relay.snapshot()).toMatchObject({ logins: { fast_start: 2, upgrade: 1, websocket: 1 } });
    await expect.poll(() => server.count('clients')).toBe(0);
  });

  it('is content with an authority’s certificate for the name, at a given address', async () => {
    await using server = await startTestRelay();
    const extraCa = await readFile(server.config.certificate!.certFile, 'utf8');
    const { pin: _pin, ...options } = await optionsFor(server);
    const checks = await probe({ ...options, extraCa, addresses: ['127.0.0.1'] });
    expect(checks.resolve.detail).toContain('as given');
    expect(checks.certificate).toMatchObject({ status: 'ok', data: { trust: 'ca' } });
    expect(checks.relay.status).toBe('ok');
  });

  it('skips what is switched off without calling it a failure', async () => {
    await using server = await startTestRelay({ certificate: null });
    const checks = await probe({ ...(await optionsFor(server)), tls: false });
    expect(statuses(checks)).toMatchObject({
      ...{ tls: 'skipped', certificate: 'skipped', stun: 'skipped', 'captive-portal': 'skipped' },
      ...{ login: 'ok', relay: 'ok', websocket: 'ok' },
    });
    expect(Object.values(checks).every(({ ok }) => ok)).toBe(true);
    expect(checks.login.data?.way).toBe('upgrade');
  });

  it('sends as many packets of the size asked for', async () => {
    await using server = await startTestRelay();
    const checks = await probe({ ...(await optionsFor(server)), packets: 3, packetBytes: 65_536 });
    expect(checks.relay.data).toMatchObject({ sent: 6, lost: 0, bytes: 6 * 65_536 });
    const many = await probe({ ...(await optionsFor(server)), packets: 1000, packetBytes: 8 });
    expect(many.relay.data).toMatchObject({ sent: 2000, lost: 0, bytes: 16_000 });
  });

  it('uses the keys it was given, where only those are let in', async () => {
    const keys = [generateKeyPair(), generateKeyPair()] as const;
    const admit = ({ key }: { key: Buffer }) =>
      keys.some(({ publicKey }) => publicKey.equals(key))
        ? ({ admitted: true } as const)
        : ({ admitted: false, reason: 'unknown' } as const);
    await using server = await startTestRelay({}, { admit });
    const options = await optionsFor(server);
    const known = await probe({ ...options, clientKeys: [keys[0].privateKey, keys[1].privateKey] });
    expect(known.relay.status).toBe('ok');
    const stranger = await probe(options);
    expect(stranger.login).toMatchObject({ status: 'failed', reason: 'not-admitted' });
    expect(statuses(stranger)).toMatchObject({ relay: 'skipped', websocket: 'skipped' });
  });
});

describe('probeRelay with something wrong', () => {
  it('stops at a name that has no address', async () => {
    const checks = await probe({ host: 'no-such-host.invalid' });
    expect(checks.resolve.status).toBe('failed');
    for (const id of checkIds.slice(1)) {
      expect(checks[id]).toEqual({ id, ok: false, status: 'skipped', detail: 'not checked, as resolve failed' });
    }
  });

  it('looks at STUN and HTTP even where nothing listens for DERP', async () => {
    await using server = await startTestRelay({ httpPort: 0, stunPort: 0 });
    const options = await optionsFor(server);
    const free = await listenOnLoopback(createServer());
    await free[Symbol.asyncDispose]();
    const checks = await probe({ ...options, derpPort: free.port });
    expect(checks.tcp).toMatchObject({ status: 'failed', reason: 'connection-refused' });
    expect(statuses(checks)).toMatchObject({ tls: 'skipped', relay: 'skipped', stun: 'ok', 'captive-portal': 'ok' });
  });

  it('warns of an address that does not answer, and uses the one that does', async () => {
    await using server = await startTestRelay();
    const checks = await probe({ ...(await optionsFor(server)), addresses: ['127.0.0.2', '127.0.0.1'] });
    expect(checks.tcp).toMatchObject({
      status: 'warning',
      data: { reached: ['127.0.0.1'], unreached: [{ address: '127.0.0.2', code: 'ECONNREFUSED' }] },
    });
    expect(checks.relay.status).toBe('ok');
  });

  it('tells a port without TLS, and one that never answers', async () => {
    await using plain = await startTestRelay({ certificate: null });
    const options = { ...(await optionsFor(plain)), stunPort: -1, httpPort: -1 };
    expect((await probe(options)).tls).toMatchObject({ status: 'failed' });
    await using silent = await listenOnLoopback(createServer((socket) => socket.resume()));
    const checks = await probe({ ...options, derpPort: silent.port, timeoutMs: 200 });
    expect(checks.tls).toMatchObject({ status: 'failed', reason: 'tls-timed-out' });
    expect(checks.certificate.detail).toBe('not checked, as tls failed');
  });

  it('does not log in behind a certificate that is not right', async () => {
    await using server = await startTestRelay();
    const { pin, ...options } = await optionsFor(server);
    const checks = await probe(options);
    expect(checks.certificate).toMatchObject({ status: 'failed', reason: 'self-signed' });
    expect(checks.certificate.remedy).toContain(pin);
    expect(checks.login.status).toBe('skipped');
    expect((await probe({ ...options, pin: `sha256-raw:${'00'.repeat(32)}` })).certificate.reason).toBe('pin-mismatch');
    expect(server.relay.snapshot()).toMatchObject({ logins: { fast_start: 0, upgrade: 0, websocket: 0 } });
  });

  it('names the web server that has the relay’s port', async () => {
    await using web = await listenHttps('HTTP/1.1 200 OK\r\nServer: nginx/1.22\r\nContent-Length: 0\r\n\r\n');
    const checks = await probe(web.options);
    expect(checks.certificate).toMatchObject({ status: 'ok', data: { metaCertificate: false } });
    expect(checks.login).toMatchObject({ status: 'failed', reason: 'no-upgrade' });
    expect(checks.login.detail).toContain('nginx/1.22');
    expect(statuses(checks)).toMatchObject({ relay: 'skipped', websocket: 'skipped' });
  });

  it('warns of TLS 1.2', async () => {
    await using web = await listenHttps('HTTP/1.1 502 Bad Gateway\r\n\r\n', 'TLSv1.2');
    const checks = await probe(web.options);
    expect(checks.tls).toMatchObject({ status: 'warning', reason: 'old-tls' });
    expect(checks.login).toMatchObject({ status: 'failed', reason: 'relay-down' });
  });

  it('says what is lost behind something that ends TLS but passes the upgrade on', async () => {
    await using server = await startTestRelay({ certificate: null });
    const { certPem, keyPem, pin } = await makeSelfSignedCertificate('127.0.0.1');
    const plain = proxyTo(server.port);
    await using front = await listenOnLoopback(
      createTlsServer({ cert: certPem, key: keyPem }, (socket) => plain.emit('connection', socket)),
    );
    const checks = await probe({ host: '127.0.0.1', derpPort: front.port, stunPort: -1, httpPort: -1, pin });
    expect(checks.login).toMatchObject({ status: 'warning', reason: 'tls-ends-before', data: { way: 'upgrade' } });
    expect(statuses(checks)).toMatchObject({ relay: 'ok', websocket: 'ok' });
    expect(checks.login.ok).toBe(true);
  });

  it('notices packets that change on the way', async () => {
    await using server = await startTestRelay({ certificate: null });
    const spoil = (chunk: Buffer) => {
      // The last byte of a SendPacket frame with a packet of 300 bytes; everything else passes.
      const at = chunk.indexOf(Buffer.from('040000014c', 'hex'));
      if (at >= 0) chunk[at + 5 + 332 - 1]! ^= 1;
      return chunk;
    };
    await using front = await listenOnLoopback(proxyTo(server.port, spoil));
    const options = { ...(await optionsFor(server)), derpPort: front.port, tls: false, packets: 1, packetBytes: 300 };
    expect((await probe(options)).relay).toMatchObject({ status: 'failed', reason: 'damaged-packets' });
  });

  it('notices packets that do not arrive, and a relay that hangs up meanwhile', async () => {
    await using server = await startTestRelay({ certificate: null });
    const options = { ...(await optionsFor(server)), tls: false, packets: 3, packetBytes: 300, timeoutMs: 400 };
    const misdirect = (chunk: Buffer) => {
      for (let at = chunk.indexOf(Buffer.from('040000014c', 'hex')); at >= 0; ) {
        chunk[at + 5]! ^= 1;
        at = chunk.indexOf(Buffer.from('040000014c', 'hex'), at + 1);
      }
      return chunk;
    };
    await using lossy = await listenOnLoopback(proxyTo(server.port, misdirect));
    expect((await probe({ ...options, derpPort: lossy.port })).relay).toMatchObject({
      status: 'failed',
      reason: 'nothing-relayed',
      data: { sent: 6, lost: 6, loss: 1, medianMs: undefined },
    });
    const cut = (chunk: Buffer) =>
      chunk.includes(Buffer.from('040000014c', 'hex')) ? Buffer.from('04ffffffff', 'hex') : chunk;
    await using hangingUp = await listenOnLoopback(proxyTo(server.port, cut));
    const begun = performance.now();
    const checks = await probe({ ...options, derpPort: hangingUp.port, timeoutMs: 5000 });
    expect(checks.relay).toMatchObject({ status: 'failed', reason: 'connection-lost' });
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it('tells STUN that is silent, refused, or no STUN', async () => {
    await using server = await startTestRelay();
    const options = { ...(await optionsFor(server)), timeoutMs: 300 };
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const stunPort = udp.address().port;
    expect((await probe({ ...options, stunPort })).stun).toMatchObject({ status: 'failed', reason: 'stun-timed-out' });
    udp.on('message', (_bytes, { port, address }) => udp.send('hello', port, address));
    expect((await probe({ ...options, stunPort })).stun.reason).toBe('stun-bad-answer');
    udp.close();
    await once(udp, 'close');
    expect((await probe({ ...options, stunPort })).stun.reason).toBe('stun-refused');
  });

  it.each<[string, RequestListener, string, string]>([
    ['a web page', (_request, response) => response.end('hello'), 'failed', 'not-204'],
    [
      'a redirect',
      (_request, response) => response.writeHead(301, { Location: 'https://relay.example/' }).end(),
      ...(['failed', 'not-204'] as const),
    ],
    ['somebody else’s 204', (_request, response) => response.writeHead(204).end(), 'failed', 'no-response'],
    ['a closed connection', (request) => request.socket.destroy(), 'warning', 'no-http'],
    ['no answer', () => {}, 'warning', 'no-http'],
  ])('tells %s on the HTTP port', async (_name, answer, status, reason) => {
    await using server = await startTestRelay();
    await using http = await listenOnLoopback(createHttpServer(answer));
    const checks = await probe({ ...(await optionsFor(server)), httpPort: http.port, timeoutMs: 300 });
    expect(checks['captive-portal']).toMatchObject({ status, reason });
  });

  it('asks for the captive-portal answer as Tailscale’s clients do', async () => {
    await using server = await startTestRelay();
    let asked: unknown;
    await using http = await listenOnLoopback(
      createHttpServer(({ url, method, headers }, response) => {
        const challenge = headers['x-tailscale-challenge'];
        asked = [method, url, headers.host];
        response.writeHead(204, { 'X-Tailscale-Response': `response ${challenge}` }).end();
      }),
    );
    const checks = await probe({ ...(await optionsFor(server)), httpPort: http.port });
    expect(checks['captive-portal'].status).toBe('ok');
    expect(asked).toEqual(['GET', '/generate_204', `127.0.0.1:${http.port}`]);
  });
});

describe('probeRelay and its caller', () => {
  it('refuses options that make no sense', async () => {
    await expect(probeRelay({ host: 'x', pin: 'sha256-raw:ABC' }).next()).rejects.toThrow(RangeError);
  });

  it('ends with the signal’s reason, at any point, and leaves nothing open', async () => {
    await using server = await startTestRelay();
    const options = await optionsFor(server);
    for (const id of ['resolve', 'tls', 'login', 'relay'] as const) {
      const controller = new AbortController();
      const onStart = (begun: CheckId) => {
        if (begun === id) setTimeout(() => controller.abort(new Error('enough')), id === 'relay' ? 100 : 0);
      };
      const run = async () => {
        const { signal } = controller;
        for await (const check of probeRelay({ ...options, packets: 1000, signal, onStart }))
          expect(check.ok).toBe(true);
      };
      await expect(run(), id).rejects.toThrow('enough');
      await expect.poll(() => server.count('clients')).toBe(0);
    }
  });

  it('leaves nothing open when the caller stops listening', async () => {
    await using server = await startTestRelay();
    for await (const check of probeRelay(await optionsFor(server))) if (check.id === 'login') break;
    await expect.poll(() => server.count('clients')).toBe(0);
  });
});
