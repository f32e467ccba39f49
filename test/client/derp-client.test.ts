import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectOptions, connectDerp } from '../../src/client/connect.ts';
import type { DerpClientHandlers } from '../../src/client/derp-client.ts';
import { DerpClientError } from '../../src/client/errors.ts';
import {
  encodeFrame,
  encodeHealth,
  encodeKeepAlive,
  encodePeerGone,
  encodePing,
  encodeRecvPacket,
  encodeRestarting,
  encodeServerKey,
} from '../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { type Behaviour, FakeRelay } from './support/fake-relay.ts';

const peer = Buffer.alloc(32, 7);

async function connected(behaviour: Behaviour = {}, options: Partial<ConnectOptions> = {}) {
  const relay = await FakeRelay.start(behaviour);
  const client = await connectDerp({ host: '127.0.0.1', port: relay.port, tls: false, ...options });
  return {
    relay,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await relay[Symbol.asyncDispose]();
    },
  };
}

/** Collects what a client is told. */
function recorder(): DerpClientHandlers & { events: unknown[] } {
  const events: unknown[] = [];
  return {
    events,
    onPacket: (source, packet) => events.push(['packet', source, packet]),
    onPeerGone: (key, reason) => events.push(['gone', key, reason]),
    onPeerPresent: (present) => events.push(['present', present]),
    onHealth: (problem) => events.push(['health', problem]),
    onRestarting: (reconnectInMs, tryForMs) => events.push(['restarting', reconnectInMs, tryForMs]),
    onDrain: () => events.push(['drain']),
    onClose: (error) => events.push(['close', error.code]),
  };
}

describe('the login', () => {
  it('says what it was told to say, sealed for the relay', async () => {
    const meshKey = 'ab'.repeat(32);
    const options = { meshKey, isProber: true, appName: 'derp-setup', idealNode: '900a' };
    await using test = await connected({}, options);
    expect(test.relay.clientInfo).toEqual({
      version: 2,
      meshKey,
      CanAckPings: true,
      IsProber: true,
      AppName: 'derp-setup',
    });
    expect(test.relay.head).toContain('\r\nIdeal-Node: 900a');
    expect(test.client.serverInfo).toEqual({ version: 2, tokenBucketBytesPerSecond: 1000 });
    expect(test.client.serverKey).toEqual(test.relay.publicKey);
  });

  it('speaks first with a known key, in one flight with the request', async () => {
    await using relay = await FakeRelay.start();
    const serverKey = relay.publicKey;
    const client = await connectDerp({ host: '127.0.0.1', port: relay.port, tls: false, way: 'fast-start', serverKey });
    expect(relay.head).toMatch(/^GET \/derp HTTP\/1\.1\r\n/);
    expect(relay.head).toContain('\r\nDerp-Fast-Start: 1');
    expect(relay.frames.map(({ type }) => type)).toEqual([FrameType.ClientInfo]);
    client.close();
  });

  it.each<[string, Behaviour]>([
    ['another magic', { greeting: encodeFrame(FrameType.ServerKey, Buffer.alloc(40)) }],
    ['a short key', { greeting: encodeFrame(FrameType.ServerKey, Buffer.from('44455250f09f9491', 'hex')) }],
    ['a key of zeros', { greeting: encodeServerKey(Buffer.alloc(32)) }],
    ['a frame of 4 GB', { greeting: Buffer.from('14ffffffff', 'hex') }],
    ['ServerInfo first', { greeting: encodeFrame(FrameType.ServerInfo, Buffer.alloc(60)) }],
  ])('refuses %s as no DERP', async (_name, behaviour) => {
    await using relay = await FakeRelay.start(behaviour);
    await expect(connectDerp({ host: '127.0.0.1', port: relay.port, tls: false })).rejects.toMatchObject({
      code: 'protocol',
      step: 'login',
    });
  });

  it('tells a relay that hangs up before it said who it is from one that turns us away', async () => {
    await using early = await FakeRelay.start({ answer: () => undefined, greeting: Buffer.alloc(0) });
    const options = { host: '127.0.0.1', tls: false };
    const connecting = connectDerp({ ...options, port: early.port });
    await expect.poll(() => early.head).not.toBe('');
    early.socket!.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    await expect(connecting).rejects.toMatchObject({ code: 'closed', step: 'login' });
    await using late = await FakeRelay.start({ onLogin: 'hang up' });
    await expect(connectDerp({ ...options, port: late.port })).rejects.toMatchObject({ code: 'refused' });
  });

  it('does not tell the handlers of a login that failed; the caller knows', async () => {
    const handlers = recorder();
    await using relay = await FakeRelay.start({ onLogin: 'hang up' });
    const options = { host: '127.0.0.1', port: relay.port, tls: false, handlers };
    await expect(connectDerp(options)).rejects.toBeInstanceOf(DerpClientError);
    expect(handlers.events).toEqual([]);
  });
});

describe('what a client is told', () => {
  it('hears everything a relay can say, in whatever pieces it arrives', async () => {
    const handlers = recorder();
    await using test = await connected({}, { handlers });
    const present = Buffer.from(`${'00'.repeat(10)}ffffc0000201a2c305`, 'hex');
    const frames = Buffer.concat([
      encodeRecvPacket(peer, Buffer.from('packet')),
      encodePeerGone(peer, 1),
      encodeFrame(FrameType.PeerGone, peer),
      encodeFrame(FrameType.PeerPresent, peer, present),
      encodeFrame(FrameType.PeerPresent, peer),
      encodeKeepAlive(),
      encodeFrame(0x7f, Buffer.from('of the future')),
      encodeHealth('two of you'),
      encodeHealth(''),
      encodeRestarting(100, 60_000),
    ]);
    for (const byte of frames) {
      test.relay.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => handlers.events.length).toBe(8);
    expect(handlers.events).toEqual([
      ['packet', peer, Buffer.from('packet')],
      ['gone', peer, 1],
      ['gone', peer, 0],
      ['present', { key: peer, address: '192.0.2.1', port: 0xa2c3, flags: 5 }],
      ['present', { key: peer, address: undefined, port: undefined, flags: 0 }],
      ['health', 'two of you'],
      ['health', ''],
      ['restarting', 100, 60_000],
    ]);
  });

  it('answers the relay’s pings with their first 8 bytes', async () => {
    await using test = await connected();
    const data = Buffer.from('0102030405060708', 'hex');
    test.relay.send(encodeFrame(FrameType.Ping, data, Buffer.from('for the future')));
    expect(await test.relay.frame(FrameType.Pong)).toEqual(data);
  });

  it('takes a pong for its own ping only', async () => {
    await using test = await connected();
    const ping = test.client.ping(300);
    test.relay.send(encodeFrame(FrameType.Pong, Buffer.alloc(8)));
    await test.relay.frame(FrameType.Ping);
    await expect(ping).rejects.toMatchObject({ code: 'timeout' });
    const second = test.client.ping(5000);
    await expect.poll(() => test.relay.frames.filter(({ type }) => type === FrameType.Ping)).toHaveLength(2);
    test.relay.send(encodeFrame(FrameType.Pong, test.relay.frames.at(-1)!.payload));
    expect(await second).toBeLessThan(5000);
  });

  it.each<[string, Buffer]>([
    ['a packet without a source', encodeFrame(FrameType.RecvPacket, Buffer.alloc(31))],
    ['a packet that is too long', Buffer.from('0500010021', 'hex')],
    ['a ping of 7 bytes', encodeFrame(FrameType.Ping, Buffer.alloc(7))],
    ['PeerGone without a peer', encodeFrame(FrameType.PeerGone, Buffer.alloc(31))],
    ['Restarting without times', encodeFrame(FrameType.Restarting, Buffer.alloc(7))],
    ['an unknown frame over 1 MiB', Buffer.from('7f00100001', 'hex')],
    ['HTTP in the middle', Buffer.from('HTTP/1.1 502 Bad Gateway\r\n\r\n')],
  ])('ends the connection over %s', async (_name, bytes) => {
    const handlers = recorder();
    await using test = await connected({}, { handlers });
    test.relay.send(bytes);
    await expect.poll(() => handlers.events).toEqual([['close', 'protocol']]);
    expect(test.client.error?.step).toBeUndefined();
    expect(test.client.send(peer, Buffer.alloc(1))).toBe(false);
    if (!test.relay.socket!.destroyed) await once(test.relay.socket!, 'close');
  });

  it('ends with a typed error, or goes on, whatever bytes arrive', async () => {
    await using relay = await FakeRelay.start();
    const frames = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 0x20 }), fc.uint8Array({ maxLength: 60 })).map(([t, b]) => encodeFrame(t, b)),
    );
    const garbage = fc.uint8Array({ maxLength: 50 }).map((bytes) => [Buffer.from(bytes)]);
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.oneof(frames, garbage), async (pieces) => {
        const client = await connectDerp({ host: '127.0.0.1', port: relay.port, tls: false });
        relay.socket!.end(Buffer.concat(pieces));
        await expect.poll(() => client.error, { interval: 2 }).toBeInstanceOf(DerpClientError);
        outcomes.add(client.error!.code);
      }),
      { numRuns: 60 },
    );
    expect([...outcomes].sort()).toEqual(['closed', 'protocol']);
  });
});

describe('what a client sends', () => {
  it('speaks as a mesh peer', async () => {
    await using test = await connected();
    const other = Buffer.alloc(32, 9);
    test.client.watchConnections();
    test.client.forward(peer, other, Buffer.from('x'));
    test.client.closePeer(peer);
    expect(await test.relay.frame(FrameType.WatchConns)).toHaveLength(0);
    expect(await test.relay.frame(FrameType.ForwardPacket)).toEqual(Buffer.concat([peer, other, Buffer.from('x')]));
    expect(await test.relay.frame(FrameType.ClosePeer)).toEqual(peer);
    expect(() => test.client.forward(peer, Buffer.alloc(31), Buffer.from('x'))).toThrow(RangeError);
  });

  it('copies what it sends, so that the caller may use its buffers again', async () => {
    await using test = await connected();
    const packet = Buffer.from('first');
    test.client.send(peer, packet);
    packet.fill('x');
    expect((await test.relay.frame(FrameType.SendPacket)).subarray(32).toString()).toBe('first');
  });

  it.each(['upgrade', 'fast-start'] as const)(
    'drops packets rather than hold more than it may, by %s, and tells when to go on',
    async (way) => {
      const handlers = recorder();
      await using relay = await FakeRelay.start();
      const client = await connectDerp({
        ...{ host: '127.0.0.1', port: relay.port, tls: false, way, serverKey: relay.publicKey },
        ...{ maxUnsent: 200_000, handlers },
      });
      relay.socket!.pause();
      const packet = Buffer.alloc(60_000);
      let taken = 0;
      // The system's own buffers take some megabytes.
      for (let i = 0; i < 1000 && client.send(peer, packet); i++) {
        taken++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(client.unsent).toBeLessThanOrEqual(200_000);
      expect(client.unsent).toBeGreaterThan(100_000);
      expect(client.send(peer, packet)).toBe(false);
      relay.socket!.resume();
      await expect.poll(() => handlers.events).toEqual([['drain']]);
      expect(client.unsent).toBe(0);
      expect(client.send(peer, packet)).toBe(true);
      const sends = () => relay.frames.filter(({ type }) => type === FrameType.SendPacket).length;
      await expect.poll(sends).toBe(taken + 1);
      client.close();
    },
  );

  it('sends what was given to it before close', async () => {
    await using test = await connected();
    for (let i = 0; i < 50; i++) test.client.send(peer, Buffer.alloc(1000));
    test.client.close();
    const sends = () => test.relay.frames.filter(({ type }) => type === FrameType.SendPacket).length;
    await expect.poll(sends).toBe(50);
  });
});

it('does not wait long for a relay that keeps its side open after close', async () => {
  await using test = await connected({ staysOpen: true });
  test.client.close();
  await once(test.relay.socket!, 'end');
  // A socket that is gone answers with a reset.
  const timer = setInterval(() => test.relay.send(encodeKeepAlive()), 50);
  await new Promise<void>((resolve) => test.relay.socket!.on('close', () => resolve()));
  clearInterval(timer);
});

describe('a relay that falls silent', () => {
  it('is taken for dead after a while', async () => {
    const handlers = recorder();
    await using test = await connected({}, { silenceMs: 150, handlers });
    const begun = performance.now();
    await expect.poll(() => handlers.events, { interval: 5 }).toEqual([['close', 'timeout']]);
    expect(performance.now() - begun).toBeGreaterThan(100);
    if (!test.relay.socket!.destroyed) await once(test.relay.socket!, 'close');
  });

  it('is kept while anything comes, if only keep-alives', async () => {
    const handlers = recorder();
    await using test = await connected({}, { silenceMs: 300, handlers });
    for (let i = 0; i < 8; i++) {
      test.relay.send(encodeKeepAlive());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(handlers.events).toEqual([]);
    test.relay.send(encodePing(Buffer.alloc(8)));
    await test.relay.frame(FrameType.Pong);
  });

  it('fails the pings that wait for it when the connection ends', async () => {
    await using test = await connected();
    const ping = test.client.ping();
    await test.relay.frame(FrameType.Ping);
    test.relay.socket!.destroy();
    await expect(ping).rejects.toMatchObject({ code: 'closed' });
  });
});
