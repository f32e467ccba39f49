import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { type ConnectOptions, connectDerp } from '../../src/client/connect.ts';
import type { DerpClient, LoginWay } from '../../src/client/derp-client.ts';
import type { DerpClientError } from '../../src/client/errors.ts';
import { pinOf } from '../../src/protocol/certificate-pin.ts';
import { generateKeyPair } from '../../src/protocol/keys.ts';
import { makeMetaCertificate } from '../../src/protocol/meta-certificate.ts';
import { listenOnLoopback } from '../loopback.ts';
import { startTestRelay, type TestRelay } from '../relay/support/test-relay.ts';
import { makeChain } from '../setup/certificate/authority.ts';
import { FakeRelay } from './support/fake-relay.ts';

async function pinned({ config, port }: TestRelay): Promise<ConnectOptions> {
  const pin = pinOf(await readFile(config.certificate!.certFile, 'utf8'));
  return { host: '127.0.0.1', port, trust: { kind: 'pin', pin } };
}

/** Connects, and fails the test if that succeeds. */
async function failure(options: ConnectOptions): Promise<DerpClientError> {
  return await connectDerp(options).then(
    (client) => {
      client.close();
      throw new Error('it connected');
    },
    (error) => error,
  );
}

/** A server that does with each connection what it is told to. */
async function serve(server: Server, use: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  server.on(server instanceof Object && 'setSecureContext' in server ? 'secureConnection' : 'connection', (socket) => {
    socket.on('error', () => {});
    use(socket);
  });
  return await listenOnLoopback(server);
}

/** The next packet that a client gets. */
function nextPacket(client: DerpClient): Promise<{ source: Buffer; packet: Buffer }> {
  return new Promise((resolve) => {
    client.handlers.onPacket = (source, packet) => resolve({ source, packet });
  });
}

describe('connectDerp to a relay', () => {
  it('takes the fast start where the relay shows its key, and the relay counts it', async () => {
    await using server = await startTestRelay();
    const client = await connectDerp(await pinned(server));
    expect(client.way).toBe('fast-start');
    expect(client.serverKey).toEqual(server.relay.publicKey);
    expect(client.serverInfo).toEqual({ version: 2 });
    expect(client.remoteAddress).toBe('127.0.0.1');
    expect(client.tls).toMatchObject({ protocol: 'TLSv1.3', relay: { publicKey: server.relay.publicKey } });
    expect(client.tls?.chain).toHaveLength(2);
    expect(server.count('logins', 'fast_start')).toBe(1);
    expect(server.count('logins', 'upgrade')).toBe(0);
    client.close();
  });

  it.each<[LoginWay, string]>([
    ['upgrade', 'upgrade'],
    ['websocket', 'websocket'],
  ])('logs in by %s when told to', async (way, counter) => {
    await using server = await startTestRelay();
    const client = await connectDerp({ ...(await pinned(server)), way });
    expect(client.way).toBe(way);
    expect(client.serverKey).toEqual(server.relay.publicKey);
    expect(server.count('logins', counter)).toBe(1);
    client.close();
  });

  it('takes the fast start without looking at the chain when it knows the key', async () => {
    await using server = await startTestRelay();
    const client = await connectDerp({ ...(await pinned(server)), serverKey: server.relay.publicKey });
    expect(client.way).toBe('fast-start');
    expect(client.tls?.chain).toBeUndefined();
    expect(server.count('logins', 'fast_start')).toBe(1);
    client.close();
  });

  it('logs in over plain TCP, and over WebSocket there', async () => {
    await using server = await startTestRelay({ certificate: null });
    const options = { host: '127.0.0.1', port: server.port, tls: false };
    const [one, two] = [await connectDerp(options), await connectDerp({ ...options, way: 'websocket' })];
    expect([one.way, two.way]).toEqual(['upgrade', 'websocket']);
    expect(one.tls).toBeUndefined();
    one.close();
    two.close();
  });

  it('exchanges packets of every size between clients that came by different ways', async () => {
    await using server = await startTestRelay();
    const options = await pinned(server);
    const ways: LoginWay[] = ['fast-start', 'upgrade', 'websocket'];
    const clients = await Promise.all(ways.map((way) => connectDerp({ ...options, way })));
    for (const [i, from] of clients.entries()) {
      const to = clients[(i + 1) % clients.length]!;
      for (const size of [0, 1, 1400, 16_384, 65_536]) {
        const packet = randomBytes(size);
        const arrival = nextPacket(to);
        expect(from.send(to.publicKey, packet)).toBe(true);
        const arrived = await arrival;
        expect(arrived.source).toEqual(from.publicKey);
        expect(arrived.packet.equals(packet), `${ways[i]}, ${size} bytes`).toBe(true);
      }
    }
    expect(() => clients[0]!.send(clients[1]!.publicKey, Buffer.alloc(65_537))).toThrow(RangeError);
    expect(() => clients[0]!.send(Buffer.alloc(31), Buffer.alloc(1))).toThrow(RangeError);
    for (const client of clients) client.close();
  });

  it('carries a long stream of packets in order through the detour of fast start', async () => {
    await using server = await startTestRelay();
    const options = await pinned(server);
    const [from, to] = [await connectDerp(options), await connectDerp(options)];
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    for (let i = 0; i < 300; i++) {
      const packet = randomBytes(20_000);
      const arrival = nextPacket(to);
      sent.update(packet);
      from.send(to.publicKey, packet);
      received.update((await arrival).packet);
    }
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    from.close();
    to.close();
  });

  it('measures pings, tells the relay of its home, and hears who has gone', async () => {
    await using server = await startTestRelay();
    const options = await pinned(server);
    const [one, two] = [await connectDerp(options), await connectDerp(options)];
    expect(await one.ping()).toBeGreaterThan(0);
    one.notePreferred(true);
    await one.ping();
    expect(server.count('home_clients')).toBe(1);
    const gone = new Promise((resolve) => {
      one.handlers.onPeerGone = (peer, reason) => resolve([peer, reason]);
    });
    const arrival = nextPacket(one);
    two.send(one.publicKey, Buffer.from('hello'));
    await arrival;
    two.close();
    expect(await gone).toEqual([two.publicKey, 0]);
    one.close();
  });

  it('hears that the relay restarts, and then that the connection is over', async () => {
    const server = await startTestRelay();
    const events: unknown[] = [];
    const client = await connectDerp({
      ...(await pinned(server)),
      handlers: {
        onRestarting: (reconnectInMs, tryForMs) => events.push([reconnectInMs <= 1000, tryForMs]),
        onClose: (error) => events.push(error.code),
      },
    });
    await server[Symbol.asyncDispose]();
    await expect.poll(() => events).toEqual([[true, 60_000], 'closed']);
    expect(client.error?.code).toBe('closed');
    expect(client.send(client.publicKey, Buffer.alloc(1))).toBe(false);
    await expect(client.ping()).rejects.toMatchObject({ code: 'closed' });
  });

  it.each<LoginWay>(['fast-start', 'upgrade', 'websocket'])('leaves nothing open after close, by %s', async (way) => {
    await using server = await startTestRelay();
    const closed: string[] = [];
    const handlers = { onClose: (error: DerpClientError) => closed.push(error.code) };
    const client = await connectDerp({ ...(await pinned(server)), way, handlers });
    expect(server.count('clients')).toBe(1);
    client.close();
    client.close();
    await expect.poll(() => server.count('clients')).toBe(0);
    expect(closed).toEqual(['closed']);
  });

  it('is not let in where the relay does not admit it, by either way', async () => {
    await using server = await startTestRelay({}, { admit: () => ({ admitted: false, reason: 'stranger' }) });
    const options = await pinned(server);
    for (const way of ['fast-start', 'upgrade', 'websocket'] as const) {
      expect(await failure({ ...options, way })).toMatchObject({ code: 'refused', step: 'login' });
    }
  });

  it('insists on the relay key it was given', async () => {
    await using server = await startTestRelay();
    const options = { ...(await pinned(server)), serverKey: generateKeyPair().publicKey };
    expect((await failure({ ...options, way: 'upgrade' })).code).toBe('protocol');
    // The relay cannot open a login for another key, so it hangs up, unless its greeting gives it away before that.
    expect(['protocol', 'refused']).toContain((await failure(options)).code);
  });
});

describe('connectDerp and certificates', () => {
  it('refuses another certificate than the pinned one, and sends nothing', async () => {
    await using server = await startTestRelay();
    const { pin } = await makeSelfSignedCertificate('127.0.0.1');
    const error = await failure({ ...(await pinned(server)), trust: { kind: 'pin', pin } });
    expect(error).toMatchObject({ code: 'pin', step: 'certificate' });
    expect(server.relay.snapshot()).toMatchObject({ logins: { fast_start: 0, upgrade: 0, websocket: 0 } });
  });

  it('trusts authorities: none that signed this one by default, the given one besides', async () => {
    await using server = await startTestRelay();
    const options = { host: '127.0.0.1', port: server.port };
    expect(await failure(options)).toMatchObject({ code: 'certificate', step: 'certificate' });
    const extraCa = await readFile(server.config.certificate!.certFile, 'utf8');
    const client = await connectDerp({ ...options, trust: { kind: 'ca', extraCa } });
    expect(client.way).toBe('fast-start');
    client.close();
  });

  it('trusts an intermediate that is named, without its root, and nobody on account of that', async () => {
    const chain = await makeChain({ type: 'dns', value: 'relay.example' });
    const other = await makeChain({ type: 'dns', value: 'relay.example' });
    const stepOf = async (cert: string, key: string, extraCa: string) => {
      // What is trusted is spoken to: this server ends the conversation then.
      await using server = await serve(createTlsServer({ cert, key }), (socket) => socket.end());
      const options = { host: 'relay.example', addresses: ['127.0.0.1'], port: server.port };
      return (await failure({ ...options, trust: { kind: 'ca', extraCa } })).step;
    };
    const whole = chain.leaf + chain.intermediate;
    expect(await stepOf(whole, chain.key, chain.intermediate)).not.toBe('certificate');
    expect(await stepOf(whole, chain.key, other.intermediate)).toBe('certificate');
    expect(await stepOf(other.leaf, other.key, chain.intermediate)).toBe('certificate');
  });

  it('checks the name that it was given, wherever it connects', async () => {
    await using server = await startTestRelay();
    const extraCa = await readFile(server.config.certificate!.certFile, 'utf8');
    const trust = { kind: 'ca', extraCa } as const;
    const options = { host: 'relay.example', addresses: ['127.0.0.1'], port: server.port };
    expect(await failure({ ...options, trust })).toMatchObject({
      code: 'certificate',
      message: 'the certificate is for IP Address:127.0.0.1, not for relay.example',
    });
    const client = await connectDerp({ ...options, trust: { kind: 'none' } });
    expect(client.tls?.chainProblem).toBeDefined();
    client.close();
  });

  it('sends the server name for a name, and none for an IP address', async () => {
    const { certPem, keyPem } = await makeSelfSignedCertificate('relay.example');
    const names: unknown[] = [];
    const tls = createTlsServer({ cert: certPem, key: keyPem });
    await using server = await serve(tls, (socket) => {
      names.push('servername' in socket && socket.servername);
      socket.destroy();
    });
    const options = { addresses: ['127.0.0.1'], port: server.port, trust: { kind: 'none' } } as const;
    await failure({ ...options, host: 'relay.example' });
    await failure({ ...options, host: '127.0.0.1' });
    expect(names).toEqual(['relay.example', false]);
  });

  it('refuses a second certificate beside the pinned one', async () => {
    const [leaf, other] = [await makeSelfSignedCertificate('127.0.0.1'), await makeSelfSignedCertificate('127.0.0.1')];
    const tls = createTlsServer({ cert: leaf.certPem + other.certPem, key: leaf.keyPem });
    await using server = await serve(tls, () => {});
    const error = await failure({ host: '127.0.0.1', port: server.port, trust: { kind: 'pin', pin: leaf.pin } });
    expect(error).toMatchObject({ code: 'pin', message: '2 certificates are sent where a pin allows one' });
  });

  it('does not take a meta certificate for the relay’s key in TLS 1.2, where anybody could have sent it', async () => {
    const leaf = await makeSelfSignedCertificate('127.0.0.1');
    const meta = await makeMetaCertificate(randomBytes(32));
    const tls = createTlsServer({ cert: leaf.certPem + meta.pem, key: leaf.keyPem, maxVersion: 'TLSv1.2' });
    const heads: string[] = [];
    await using server = await serve(tls, (socket) => {
      socket.once('data', (bytes: Buffer) => {
        heads.push(bytes.toString('latin1'));
        socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      });
    });
    const options = { host: '127.0.0.1', port: server.port, trust: { kind: 'pin', pin: leaf.pin } } as const;
    expect(await failure(options)).toMatchObject({ code: 'http', http: { status: 404 } });
    expect(heads[0]).not.toContain('Fast-Start');
    expect((await failure({ ...options, way: 'fast-start' })).message).toContain('fast start is not possible');
    expect(heads).toHaveLength(1);
  });
});

describe('connectDerp and what can be in the way', () => {
  it('tells a refused connection by the system’s code', async () => {
    const server = await serve(createServer(), () => {});
    await server[Symbol.asyncDispose]();
    const error = await failure({ host: '127.0.0.1', port: server.port });
    expect(error).toMatchObject({ code: 'tcp', step: 'tcp', cause: { code: 'ECONNREFUSED' } });
  });

  it('tells a name that does not resolve', async () => {
    expect(await failure({ host: 'no-such-host.invalid' })).toMatchObject({ code: 'resolve', step: 'resolve' });
  });

  it('tries the next address when one refuses', async () => {
    await using server = await startTestRelay();
    const client = await connectDerp({ ...(await pinned(server)), addresses: ['127.0.0.2', '127.0.0.1'] });
    expect(client.remoteAddress).toBe('127.0.0.1');
    client.close();
  });

  it('tells a server without TLS', async () => {
    await using server = await serve(createServer(), (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = await failure({ host: '127.0.0.1', port: server.port });
    expect(error).toMatchObject({ code: 'tls', step: 'tls', cause: { code: 'ERR_SSL_WRONG_VERSION_NUMBER' } });
  });

  it('tells a connection that is cut off during the handshake, whichever way it listens', async () => {
    await using server = await serve(createServer(), (socket) => socket.once('data', () => socket.resetAndDestroy()));
    for (const way of ['fast-start', 'upgrade'] as const) {
      expect(await failure({ host: '127.0.0.1', port: server.port, way })).toMatchObject({ code: 'tls', step: 'tls' });
    }
  });

  it('tells who answers HTTP in place of the relay, after an upgrade and after a fast start', async () => {
    const answer = () => 'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n';
    await using relay = await FakeRelay.start({ answer });
    const options = { host: '127.0.0.1', port: relay.port, tls: false };
    const http = { status: 200, server: 'nginx' };
    expect(await failure(options)).toMatchObject({ code: 'http', http });
    const serverKey = relay.publicKey;
    expect(await failure({ ...options, way: 'fast-start', serverKey })).toMatchObject({ code: 'http', http });
    expect(await failure({ ...options, way: 'websocket' })).toMatchObject({ code: 'http', http });
  });

  it('tells a connection that is closed in place of an answer', async () => {
    await using server = await serve(createServer(), (socket) => socket.once('data', () => socket.end()));
    const options = { host: '127.0.0.1', port: server.port, tls: false };
    expect(await failure(options)).toMatchObject({ code: 'http', step: 'http' });
    expect(await failure({ ...options, way: 'websocket' })).toMatchObject({ code: 'http', step: 'http' });
  });

  it.each<[string, Partial<ConnectOptions>, string, Parameters<typeof FakeRelay.start>[0]]>([
    ['tls', {}, 'tls', { answer: () => undefined }],
    ['http', { tls: false }, 'http', { answer: () => undefined }],
    ['http by WebSocket', { tls: false, way: 'websocket' }, 'http', { answer: () => undefined }],
    ['login', { tls: false }, 'login', { onLogin: 'nothing' }],
  ])('gives up in time when there is no answer to %s, and says where', async (_name, options, step, behaviour) => {
    await using relay = await FakeRelay.start(behaviour);
    const begun = Date.now();
    const error = await failure({ host: '127.0.0.1', port: relay.port, timeoutMs: 200, ...options });
    expect(error).toMatchObject({ code: 'timeout', step });
    expect(Date.now() - begun).toBeLessThan(2000);
    // Nothing stays open.
    if (!relay.socket!.destroyed) await once(relay.socket!.resume(), 'close');
  });

  it('gives up when told to, before or while it connects', async () => {
    await using relay = await FakeRelay.start({ answer: () => undefined });
    const options = { host: '127.0.0.1', port: relay.port, tls: false };
    expect(await failure({ ...options, signal: AbortSignal.abort() })).toMatchObject({ code: 'aborted' });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    expect(await failure({ ...options, signal: controller.signal })).toMatchObject({ code: 'aborted', step: 'http' });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    if (!relay.socket!.destroyed) await once(relay.socket!.resume(), 'close');
  });
});
