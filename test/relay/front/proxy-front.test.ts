import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { addressList, ProxyFront } from '../../../src/relay/front/proxy-front.ts';
import { createLog } from '../../../src/relay/log.ts';
import { Noise } from '../../../src/relay/noise.ts';
import type { ReadMode } from '../../../src/relay/transport/socket-transport.ts';
import { ask } from '../support/http.ts';
import { Glued, proxyV1, proxyV2, proxyV2Local } from '../support/proxy-header.ts';
import { proveKey, RawClient } from '../support/raw-client.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

const REQUEST = 'GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n';
const BEHIND_PROXY = { proxyProtocolFrom: ['127.0.0.0/8', '::1'] };

/** A connection that sends `header` glued to whatever comes next: a TLS hello, or what is said in the clear. */
function connectGlued(port: number, header: Buffer, tls: boolean): Duplex {
  const glued = new Glued(connectTcp({ port, host: '127.0.0.1', noDelay: true }), header);
  return tls ? connectTls({ socket: glued, rejectUnauthorized: false }) : glued;
}

/** Logs in over a connection that has said its header. */
async function logInOver(socket: Duplex): Promise<RawClient> {
  const client = new RawClient(socket);
  client.expectHead();
  client.write(REQUEST);
  await proveKey(client);
  return client;
}

/** Where the log says that clients came from. */
function addressesIn(server: TestRelay): unknown[] {
  return server.log
    .filter(({ event }) => event === 'client_connected')
    .map(({ address, port }) => (port === undefined ? address : `${address} ${port}`));
}

describe.each<[string, boolean, ReadMode]>([
  ['TLS', true, 'shared'],
  ['TLS, reading by events', true, 'events'],
  ['plain HTTP', false, 'shared'],
  ['plain HTTP, reading by events', false, 'events'],
])('a PROXY header in front of %s', (_, tls, readMode) => {
  const start = () => startTestRelay({ ...BEHIND_PROXY, ...(tls ? {} : { certificate: null }) }, { readMode });

  it('of either version, glued to what follows, says who the client is', async () => {
    await using server = await start();
    for (const header of [
      proxyV1('192.0.2.7', 5555),
      proxyV1('2001:db8::7', 6666),
      proxyV2('192.0.2.8', 7777),
      proxyV2('2001:db8::8', 8888, randomBytes(1000)),
      proxyV2('::ffff:192.0.2.9', 9999),
    ]) {
      await using client = await logInOver(connectGlued(server.port, header, tls));
      await client.settled();
    }
    expect(addressesIn(server)).toEqual([
      '192.0.2.7 5555',
      '2001:db8::7 6666',
      '192.0.2.8 7777',
      '2001:db8::8 8888',
      '192.0.2.9 9999',
    ]);
  });

  it('may come in pieces, the last of them alone', async () => {
    await using server = await start();
    for (const header of [proxyV1('192.0.2.7', 5555), proxyV2('192.0.2.8', 7777)]) {
      const tcp = connectTcp({ port: server.port, host: '127.0.0.1', noDelay: true });
      for (let i = 0; i < header.length; i += 5) {
        tcp.write(header.subarray(i, i + 5));
        await delay(2);
      }
      await delay(10);
      const socket = tls ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp;
      await using client = await logInOver(socket);
      await client.settled();
    }
    expect(addressesIn(server)).toEqual(['192.0.2.7 5555', '192.0.2.8 7777']);
  });

  it('of the balancer’s own says nothing: the client is the balancer', async () => {
    await using server = await start();
    for (const header of [Buffer.from('PROXY UNKNOWN\r\n'), proxyV2Local()]) {
      await using client = await logInOver(connectGlued(server.port, header, tls));
      await client.settled();
    }
    expect(addressesIn(server).map((address) => String(address).split(' ')[0])).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('must be there', async () => {
    await using server = await start();
    await using client = new RawClient(connectGlued(server.port, Buffer.alloc(0), tls));
    client.write(REQUEST);
    await client.untilClosed();
    expect(server.count('noise', 'bad_proxy_header')).toBe(1);
    expect(server.count('noise', 'tls_handshake_failed')).toBe(0);
  });
});

describe('a header', () => {
  it('may be followed by a whole fast start in one piece', async () => {
    await using server = await startTestRelay({ ...BEHIND_PROXY, certificate: null });
    const client = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
    const head = `${REQUEST.slice(0, -2)}Derp-Fast-Start: 1\r\n\r\n`;
    const login = encodeFrame(FrameType.ClientInfo, client.clientInfo(server.relay.publicKey));
    const packet = encodeFrame(FrameType.SendPacket, client.publicKey, Buffer.from('to myself'));
    client.write(Buffer.concat([proxyV2('192.0.2.7', 5555), Buffer.from(head), login, packet]));
    expect((await client.nextOf(FrameType.RecvPacket)).subarray(32).toString()).toBe('to myself');
    expect(addressesIn(server)).toEqual(['192.0.2.7 5555']);
    await client[Symbol.asyncDispose]();
  });

  it('is what /debug goes by', async () => {
    await using server = await startTestRelay(BEHIND_PROXY);
    const status = async (preamble: Buffer) => (await ask(server.port, 'GET /debug/vars', { preamble })).status;
    expect(await status(proxyV1('192.0.2.7', 5555))).toBe(403);
    expect(await status(proxyV2('2001:db8::7', 5555))).toBe(403);
    expect(await status(proxyV1('100.64.0.9', 5555))).toBe(200);
    expect(await status(proxyV2('fd7a:115c:a1e0::9', 5555))).toBe(200);
  });

  it('of a stranger is not believed', async () => {
    for (const certificate of [{}, { certificate: null }]) {
      await using server = await startTestRelay({ proxyProtocolFrom: ['192.0.2.0/24'], ...certificate });
      const tls = !('certificate' in certificate);
      const honest = connectTcp({ port: server.port, host: '127.0.0.1' });
      await using client = await logInOver(tls ? connectTls({ socket: honest, rejectUnauthorized: false }) : honest);
      await client.settled();
      await using liar = new RawClient(connectTcp({ port: server.port, host: '127.0.0.1' }));
      liar.expectHead();
      liar.write(Buffer.concat([proxyV1('192.0.2.7', 5555), Buffer.from(REQUEST)]));
      await liar.untilClosed();
      expect(server.count('noise', tls ? 'tls_handshake_failed' : 'bad_http_request')).toBe(1);
      expect(server.count('noise', 'bad_proxy_header')).toBe(0);
      expect(server.count('clients')).toBe(1);
      expect(addressesIn(server).map((address) => String(address).split(' ')[0])).toEqual(['127.0.0.1']);
    }
  });

  it('is forgotten with its connection', async () => {
    const noise = new Noise(createLog('silent', () => {}));
    const front = new ProxyFront(['127.0.0.1'], noise);
    await using server = await listenOn((socket) => front.accept(socket, (ready) => ready.resume()));
    const tcp = connectTcp({ port: server.port, host: '127.0.0.1' });
    tcp.write(proxyV1('192.0.2.7', 5555));
    await once(tcp, 'connect');
    // All that the front is asked about is where a connection comes from.
    const connection = { remoteAddress: '127.0.0.1', remotePort: tcp.localPort };
    await expect.poll(() => front.clientOf(connection)).toEqual({ address: '192.0.2.7', port: 5555 });
    tcp.resetAndDestroy();
    await expect.poll(() => front.clientOf(connection)).toEqual({ address: '127.0.0.1', port: connection.remotePort });
    noise.stop();
  });
});

/** A TCP server on loopback with nothing behind it. */
async function listenOn(onConnection: (socket: Socket) => void): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((socket) => onConnection(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe('the list of trusted balancers', () => {
  it('takes addresses and ranges of both families', () => {
    const list = addressList(['192.0.2.1', '10.0.0.0/8', '2001:db8::1', 'fd00::/8', '0.0.0.0/32']);
    for (const address of ['192.0.2.1', '10.255.0.1', '0.0.0.0']) expect(list.check(address, 'ipv4')).toBe(true);
    for (const address of ['192.0.2.2', '11.0.0.1', '0.0.0.1']) expect(list.check(address, 'ipv4')).toBe(false);
    for (const address of ['2001:db8::1', 'fdff::1']) expect(list.check(address, 'ipv6')).toBe(true);
    for (const address of ['2001:db8::2', 'fe00::1']) expect(list.check(address, 'ipv6')).toBe(false);
  });

  it.each([
    '',
    'proxy.example',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/a',
    '10.0.0.0/8/8',
    '10.0.0',
  ])('refuses %j, by name', (entry) => {
    expect(() => addressList(['127.0.0.1', entry])).toThrow(
      new RangeError(`${entry} is not an IP address or a CIDR range`),
    );
  });
});
