import { describe, expect, it } from 'vitest';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { logIn, type RawClient } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

const SIZE = 1400;

function numbered(i: number): Buffer {
  const packet = Buffer.alloc(SIZE);
  packet.writeUInt32BE(i);
  return packet;
}

function numbersOf(client: RawClient): number[] {
  return client.all(FrameType.RecvPacket).map((payload) => payload.readUInt32BE(32));
}

/** Sends until the relay has dropped something for the receiver that does not read, alternating with others. */
async function fill(sender: RawClient, stuck: RawClient, dropped: () => number, each?: (i: number) => void) {
  let i = 0;
  while (dropped() === 0) {
    for (let k = 0; k < 50; k++, i++) {
      sender.sendPacket(stuck.publicKey, numbered(i));
      each?.(i);
    }
    await sender.settled();
    if (i > 100_000) throw new Error('nothing was dropped after 140 MB: is there an unbounded buffer?');
  }
  return i;
}

describe('a receiver that does not read', () => {
  it('loses its oldest packets, keeps the newest, and costs bounded memory', async () => {
    await using server = await startTestRelay({ writeTimeoutMs: 0 });
    await using sender = await logIn(server.port);
    await using stuck = await logIn(server.port);
    const dropped = () => server.count('packets_dropped', 'other', 'queue_head');
    stuck.socket.pause();
    let sent = await fill(sender, stuck, dropped);
    for (let k = 0; k < 2000; k++, sent++) {
      sender.sendPacket(stuck.publicKey, numbered(sent));
      if (k % 100 === 99) await sender.settled();
    }
    expect(server.count('queued_bytes')).toBeLessThan(defaults.queueBytes + 4 * 67_584);
    expect(dropped()).toBeGreaterThan(1500);

    stuck.socket.resume();
    await stuck.until(() => numbersOf(stuck).at(-1) === sent - 1, 10_000);
    const numbers = numbersOf(stuck);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.length + dropped()).toBe(sent);
    // The end has no gap: what was dropped was the oldest of what waited.
    expect(numbers.slice(-300)).toEqual(Array.from({ length: 300 }, (_, i) => sent - 300 + i));
  });

  it('does not slow or lose what its senders send to others', async () => {
    await using server = await startTestRelay({ writeTimeoutMs: 0 });
    await using sender = await logIn(server.port);
    await using stuck = await logIn(server.port);
    await using good = await logIn(server.port);
    stuck.socket.pause();
    const dropped = () => server.count('packets_dropped', 'other', 'queue_head');
    let sent = await fill(sender, stuck, dropped, (i) => sender.sendPacket(good.publicKey, numbered(i)));
    const pushBacks = server.count('push_backs');
    // An idle relay now, and a receiver that has been stuck for long: nobody is to be slowed down for it.
    await new Promise((resolve) => setTimeout(resolve, defaults.stuckReceiverTime + 300));
    const until = sent + 3000;
    for (; sent < until; sent++) {
      sender.sendPacket(stuck.publicKey, numbered(sent));
      sender.sendPacket(good.publicKey, numbered(sent));
      if (sent % 50 === 49) await sender.settled();
    }
    await good.until(() => numbersOf(good).length === sent, 10_000);
    expect(numbersOf(good)).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(server.count('push_backs')).toBe(pushBacks);
    expect(dropped()).toBeGreaterThan(2000);
  });

  it('still gets disco packets, which have a queue of their own', async () => {
    await using server = await startTestRelay({ writeTimeoutMs: 0 });
    await using sender = await logIn(server.port);
    await using stuck = await logIn(server.port);
    stuck.socket.pause();
    await fill(sender, stuck, () => server.count('packets_dropped', 'other', 'queue_head'));
    const disco = (n: number) => Buffer.concat([Buffer.from('5453f09f92ac', 'hex'), Buffer.alloc(56), Buffer.of(n)]);
    for (let n = 0; n < 20; n++) sender.sendPacket(stuck.publicKey, disco(n));
    await sender.settled();
    stuck.socket.resume();
    const seen = () => stuck.all(FrameType.RecvPacket).filter((payload) => payload.length === 32 + 63);
    await stuck.until(() => seen().length === 20, 10_000);
    expect(seen().map((payload) => payload[94])).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(server.count('packets_dropped', 'disco', 'queue_head')).toBe(0);
  });

  it('is disconnected when it takes nothing for the write timeout, and the others are told', async () => {
    await using server = await startTestRelay({ writeTimeoutMs: 600 });
    await using sender = await logIn(server.port);
    await using stuck = await logIn(server.port);
    stuck.sendPacket(sender.publicKey, Buffer.from('hello'));
    await sender.nextOf(FrameType.RecvPacket);
    stuck.socket.pause();
    const started = Date.now();
    await fill(sender, stuck, () => server.count('write_timeouts'));
    expect(Date.now() - started).toBeGreaterThan(500);
    expect(await sender.nextOf(FrameType.PeerGone)).toEqual(Buffer.concat([stuck.publicKey, Buffer.of(0)]));
    expect(server.count('clients')).toBe(1);
    expect(server.count('packets_dropped', 'other', 'gone_disconnected')).toBeGreaterThan(0);
    await expect.poll(() => server.count('queued_bytes')).toBe(0);
  });
});

describe('senders that push without end', () => {
  it('lose little, because they are slowed down instead', async () => {
    await using server = await startTestRelay();
    const pairs = await Promise.all(
      Array.from({ length: 3 }, async () => ({ from: await logIn(server.port), to: await logIn(server.port) })),
    );
    const count = 6000;
    for (const { from, to } of pairs) {
      for (let i = 0; i < count; i++) from.sendPacket(to.publicKey, numbered(i));
    }
    for (const { from } of pairs) await from.settled();
    const received = () => pairs.reduce((sum, { to }) => sum + to.all(FrameType.RecvPacket).length, 0);
    const dropped = () => server.count('packets_dropped', 'other', 'queue_head');
    await expect.poll(() => received() + dropped(), { timeout: 15_000 }).toBe(count * pairs.length);
    expect(received()).toBeGreaterThan(count * pairs.length * 0.9);
    for (const { from, to } of pairs) {
      await from[Symbol.asyncDispose]();
      await to[Symbol.asyncDispose]();
    }
  });
});
