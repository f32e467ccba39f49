import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, Socket, type Server as TcpServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { canShareReads, shareReads, unsentBytes } from '../../../src/relay/transport/shared-read.ts';
import { type ReadMode, SocketTransport } from '../../../src/relay/transport/socket-transport.ts';

let pair: SelfSignedCertificate;
const cleanUps: (() => void)[] = [];

beforeAll(async () => {
  pair = await makeSelfSignedCertificate('127.0.0.1');
});
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  vi.doUnmock('node:net');
  vi.resetModules();
});

const poll = <T>(look: () => T) => expect.poll(look, { interval: 2, timeout: 5000 });

/** Two ends of a connection on loopback: a client's (and the TCP socket below it), and an accepted one as the relay's. */
async function connectPair(tls: boolean): Promise<{ client: Socket; tcp: Socket; accepted: Socket }> {
  const server: TcpServer = tls
    ? createTlsServer({ cert: pair.certPem, key: pair.keyPem })
    : createTcpServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const incoming = once(server, tls ? 'secureConnection' : 'connection');
  const { port } = server.address() as AddressInfo;
  const tcp = new Socket().connect(port, '127.0.0.1').on('error', () => {});
  const client = tls ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp;
  client.on('error', () => {});
  if (tls) await once(client, 'secureConnect');
  const [accepted] = (await incoming) as [Socket];
  accepted.on('error', () => {});
  cleanUps.push(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { client, tcp, accepted };
}

/** A user of a transport that collects everything. */
function collector() {
  const pieces: Buffer[] = [];
  return {
    pieces,
    get bytes() {
      return Buffer.concat(pieces);
    },
    lent: new Set<Buffer>(),
    writtenTimes: 0,
    closedTimes: 0,
    receive(bytes: Buffer, start: number, end: number) {
      this.lent.add(bytes);
      pieces.push(Buffer.from(bytes.subarray(start, end)));
    },
    written() {
      this.writtenTimes++;
    },
    closed() {
      this.closedTimes++;
    },
  };
}

describe.each<[string, boolean, ReadMode]>([
  ['TLS, shared reads', true, 'shared'],
  ['TLS, events', true, 'events'],
  ['TCP, shared reads', false, 'shared'],
  ['TCP, events', false, 'events'],
])('a connection over %s', (_, tls, mode) => {
  async function start() {
    const { client, tcp, accepted } = await connectPair(tls);
    const transport = new SocketTransport(accepted, mode);
    const user = collector();
    transport.start(user);
    return { client, tcp, accepted, transport, user };
  }

  it('delivers every byte in order, both ways', async () => {
    const { client, transport, user } = await start();
    const bytes = randomBytes(1 << 20);
    client.write(bytes);
    await poll(() => user.bytes.length).toBe(bytes.length);
    expect(user.bytes.equals(bytes)).toBe(true);

    const answer = randomBytes(200_000);
    const got: Buffer[] = [];
    client.on('data', (chunk: Buffer) => got.push(chunk));
    expect(user.writtenTimes).toBe(0);
    transport.write(answer);
    await poll(() => Buffer.concat(got).equals(answer)).toBe(true);
    expect(user.writtenTimes).toBe(1);
  });

  it('is not read while it is paused, and misses nothing', async () => {
    const { client, transport, user } = await start();
    const receive = user.receive.bind(user);
    user.receive = (bytes, start, end) => {
      transport.pause();
      receive(bytes, start, end);
    };
    const bytes = randomBytes(2 << 20);
    client.write(bytes);
    await poll(() => user.pieces.length).toBeGreaterThan(0);
    await delay(50);
    const held = user.bytes.length;
    // What had been decrypted may still come, nothing more than that.
    expect(held).toBeLessThan(200_000);
    await delay(50);
    expect(user.bytes.length).toBe(held);
    user.receive = receive;
    transport.resume();
    await poll(() => user.bytes.length).toBe(bytes.length);
    expect(user.bytes.equals(bytes)).toBe(true);
  });

  it('notices its end, after the last bytes', async () => {
    const { client, user } = await start();
    client.end('the last');
    await poll(() => user.closedTimes).toBe(1);
    expect(user.bytes.toString()).toBe('the last');
  });

  it('notices a reset', async () => {
    const { client, tcp, accepted, user } = await start();
    client.write('before');
    await poll(() => user.bytes.length).toBe(6);
    const error = once(accepted, 'error').catch((reason) => [reason]);
    tcp.resetAndDestroy();
    await poll(() => user.closedTimes).toBe(1);
    expect(((await error) as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET');
    await delay(20);
    expect(user.closedTimes).toBe(1);
  });

  it('sends what was written before it ends, and nothing when it is destroyed', async () => {
    const { client, transport } = await start();
    const got: Buffer[] = [];
    client.on('data', (chunk: Buffer) => got.push(chunk));
    const bytes = randomBytes(500_000);
    transport.write(bytes);
    transport.end();
    await once(client, 'close');
    expect(Buffer.concat(got).equals(bytes)).toBe(true);

    const second = await start();
    second.transport.destroy();
    await once(second.client, 'close');
    expect(second.user.closedTimes).toBe(1);
  });

  it('tells how much the system has not taken yet', async () => {
    const { client, transport } = await start();
    expect(transport.unsent()).toBe(0);
    client.pause();
    transport.write(Buffer.alloc(32 << 20));
    // Node 26 hands a write to the system only when the turn is over.
    await poll(() => transport.unsent()).toBeGreaterThan(1 << 20);
    const first = transport.unsent();
    // It changes while the write goes on, not only when all of it is done.
    let taken = 0;
    client.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken > 4 << 20) client.pause();
    });
    client.resume();
    await poll(() => taken).toBeGreaterThan(4 << 20);
    await poll(() => transport.unsent()).toBeLessThan(first);
    expect(transport.unsent()).toBeGreaterThan(0);
    client.removeAllListeners('data').resume();
    await poll(() => transport.unsent()).toBe(0);
  });
});

describe('shared reads', () => {
  it('use one buffer for all connections', async () => {
    const users = [];
    for (const tls of [true, false]) {
      const { client, accepted } = await connectPair(tls);
      const user = collector();
      new SocketTransport(accepted, 'shared').start(user);
      client.write('something');
      await poll(() => user.bytes.toString()).toBe('something');
      users.push(user);
    }
    expect(new Set(users.flatMap((user) => [...user.lent])).size).toBe(1);
  });

  it('are not for a connection that holds bytes already, is gone, or is of another make', async () => {
    const { client, accepted } = await connectPair(false);
    const never = () => expect.unreachable();
    accepted.pause();
    accepted.unshift(Buffer.from('left over'));
    const symbolsBefore = Object.getOwnPropertySymbols(accepted);
    expect(shareReads(accepted, never)).toBe(false);
    expect(Object.getOwnPropertySymbols(accepted)).toEqual(symbolsBefore);
    expect(accepted.read().toString()).toBe('left over');

    client.destroy();
    expect(shareReads(client, never)).toBe(false);

    for (const handle of [undefined, null, {}, { useUserBuffer: 'no function' }]) {
      const other = { _handle: handle, readableLength: 0 };
      const before = structuredClone(other);
      expect(shareReads(other as unknown as Socket, never)).toBe(false);
      expect(Object.getOwnPropertySymbols(other)).toEqual([]);
      expect(other).toEqual(before);
    }
    expect(unsentBytes({ _handle: {} } as unknown as Socket)).toBe(0);
  });

  it('fall back to events on a connection that cannot have them', async () => {
    const { client, accepted } = await connectPair(true);
    (accepted as TLSSocket & { _handle: Record<string, unknown> })._handle.useUserBuffer = undefined;
    const user = collector();
    new SocketTransport(accepted, 'shared').start(user);
    client.write('one ');
    client.end('two');
    await poll(() => user.closedTimes).toBe(1);
    expect(user.bytes.toString()).toBe('one two');
  });

  // What a release of Node without these internals, or with others of the same names, would look like.
  const symbolsOf = (make: (name: string) => unknown, names = ['kBuffer', 'kBufferCb', 'kBufferGen']) =>
    class {
      constructor() {
        for (const name of names) Object.assign(this, { [Symbol(name)]: make(name) });
      }
      destroy() {}
    };
  const good = (name: string) => ({ kBuffer: Buffer.alloc(1), kBufferCb: () => true, kBufferGen: null })[name];

  it.each([
    ['with none of them', symbolsOf(good, []), false],
    ['with two of them', symbolsOf(good, ['kBuffer', 'kBufferCb']), false],
    ['where the buffer is none', symbolsOf((name) => (name === 'kBuffer' ? {} : good(name))), false],
    ['where the callback is none', symbolsOf((name) => (name === 'kBufferCb' ? {} : good(name))), false],
    ['where the generator is another thing', symbolsOf((name) => (name === 'kBufferGen' ? 1 : good(name))), false],
    ['as we know it', symbolsOf(good), true],
  ])('are known to be there or not on a Node %s', async (_, PretendedSocket, there) => {
    vi.resetModules();
    vi.doMock('node:net', () => ({ Socket: PretendedSocket }));
    const fresh = await import('../../../src/relay/transport/shared-read.ts');
    expect(fresh.canShareReads).toBe(there);
    const used = vi.fn();
    const socket = { _handle: { useUserBuffer: used }, readableLength: 0 } as unknown as Socket;
    expect(fresh.shareReads(socket, () => {})).toBe(there);
    expect(used).toHaveBeenCalledTimes(there ? 1 : 0);
  });

  it('are there on this very Node', () => {
    expect(canShareReads).toBe(true);
  });
});
