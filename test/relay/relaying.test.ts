import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { FrameType } from '../../src/protocol/frame-types.ts';
import type { ReadMode } from '../../src/relay/transport/socket-transport.ts';
import { logIn, type RawClient } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

/** A packet that looks like Tailscale's discovery. */
function disco(text = ''): Buffer {
  return Buffer.concat([Buffer.from('5453f09f92ac', 'hex'), Buffer.alloc(56), Buffer.from(text)]);
}

/** What arrived from `sender`, in order. */
function packetsFrom(receiver: RawClient, sender: RawClient): Buffer[] {
  return receiver
    .all(FrameType.RecvPacket)
    .filter((payload) => payload.subarray(0, 32).equals(sender.publicKey))
    .map((payload) => payload.subarray(32));
}

describe.each<ReadMode>(['shared', 'events'])('packets, reading by %s', (readMode) => {
  it('arrive whole, in order, with the sender’s key, both ways and to oneself', async () => {
    await using server = await startTestRelay({}, { readMode });
    await using a = await logIn(server.port);
    await using b = await logIn(server.port);
    const sizes = [0, 1, 61, 62, 1400, 16_347, 16_348, 40_000, 65_535, 65_536];
    const packets = Array.from({ length: 200 }, (_, i) => randomBytes(sizes[i % sizes.length]!));
    for (const packet of packets) {
      a.sendPacket(b.publicKey, packet);
      b.sendPacket(a.publicKey, packet);
      a.sendPacket(a.publicKey, packet.subarray(0, 50));
      // No faster than they are taken: what happens otherwise is in slow-receivers.test.ts.
      if (packet.length > 60_000) await Promise.all([a.settled(), b.settled()]);
    }
    await b.until(() => packetsFrom(b, a).length === packets.length, 10_000);
    await a.until(() => packetsFrom(a, b).length === packets.length, 10_000);
    await a.until(() => packetsFrom(a, a).length === packets.length, 10_000);
    expect(Buffer.concat(packetsFrom(b, a)).equals(Buffer.concat(packets))).toBe(true);
    expect(Buffer.concat(packetsFrom(a, b)).equals(Buffer.concat(packets))).toBe(true);
    expect(server.count('packets_received', 'other')).toBe(3 * packets.length);
  });

  it('written in one go with hundreds of others all arrive', async () => {
    await using server = await startTestRelay({}, { readMode });
    await using a = await logIn(server.port);
    await using b = await logIn(server.port);
    await using c = await logIn(server.port);
    a.socket.cork();
    for (let i = 0; i < 400; i++) {
      a.sendPacket(i % 3 === 0 ? c.publicKey : b.publicKey, Buffer.from(`packet ${i} `.repeat(i % 90)));
    }
    a.socket.uncork();
    await a.settled();
    await b.until(() => packetsFrom(b, a).length === 266);
    await c.until(() => packetsFrom(c, a).length === 134);
    const expected = Array.from({ length: 400 }, (_, i) => i)
      .filter((i) => i % 3 !== 0)
      .map((i) => `packet ${i} `.repeat(i % 90));
    expect(packetsFrom(b, a).map(String)).toEqual(expected);
  });

  it('are held up by nothing when frames that are not known come between them', async () => {
    await using server = await startTestRelay({}, { readMode });
    await using a = await logIn(server.port);
    await using b = await logIn(server.port);
    a.send(0x7e, randomBytes(100_000));
    a.sendPacket(b.publicKey, Buffer.from('after'));
    a.send(FrameType.Pong, randomBytes(8));
    a.sendPacket(b.publicKey, Buffer.from('all'));
    await b.until(() => packetsFrom(b, a).length === 2);
    expect(packetsFrom(b, a).map(String)).toEqual(['after', 'all']);
    expect(server.count('unknown_frames')).toBe(1);
  });
});

describe('an unknown destination', () => {
  it('is counted, and answered only for disco packets, three at once', async () => {
    await using server = await startTestRelay();
    await using client = await logIn(server.port);
    const nobody = randomBytes(32);
    client.sendPacket(nobody, Buffer.from('not disco'));
    for (let i = 0; i < 10; i++) client.sendPacket(nobody, disco());
    await client.settled();
    expect(client.all(FrameType.PeerGone)).toEqual(Array(3).fill(Buffer.concat([nobody, Buffer.of(1)])));
    expect(server.count('packets_dropped', 'other', 'unknown_dest')).toBe(1);
    expect(server.count('packets_dropped', 'disco', 'unknown_dest')).toBe(10);
    expect(server.count('bytes_dropped', 'other', 'unknown_dest')).toBe(9);
    expect(server.count('peer_gone', 'not_here')).toBe(3);
  });
});

describe('a peer that leaves', () => {
  it('is announced to those it had sent to, and to nobody else', async () => {
    await using server = await startTestRelay();
    await using listener = await logIn(server.port);
    await using stranger = await logIn(server.port);
    await using gone = await logIn(server.port);
    stranger.sendPacket(gone.publicKey, Buffer.from('only towards it'));
    gone.sendPacket(listener.publicKey, Buffer.from('hello'));
    await listener.nextOf(FrameType.RecvPacket);
    await gone[Symbol.asyncDispose]();
    expect(await listener.nextOf(FrameType.PeerGone)).toEqual(Buffer.concat([gone.publicKey, Buffer.of(0)]));
    await stranger.settled();
    expect(stranger.all(FrameType.PeerGone)).toEqual([]);
    expect(server.count('peer_gone', 'disconnected')).toBe(1);
  });

  it('is unknown from then on, and known again when it comes back', async () => {
    await using server = await startTestRelay();
    await using sender = await logIn(server.port);
    const secret = nacl.randomBytes(32);
    {
      await using first = await logIn(server.port, { secret });
      sender.sendPacket(first.publicKey, Buffer.from('1'));
      await first.nextOf(FrameType.RecvPacket);
    }
    const key = Buffer.from(nacl.box.keyPair.fromSecretKey(secret).publicKey);
    await expect.poll(() => server.count('clients')).toBe(1);
    sender.sendPacket(key, Buffer.from('2'));
    await sender.settled();
    expect(server.count('packets_dropped', 'other', 'unknown_dest')).toBe(1);
    await using again = await logIn(server.port, { secret });
    sender.sendPacket(key, Buffer.from('3'));
    expect((await again.nextOf(FrameType.RecvPacket)).subarray(32).toString()).toBe('3');
  });
});

describe('several connections with one key', () => {
  it('stay open; the last speaker gets the packets, and the latest of the rest when it leaves', async () => {
    await using server = await startTestRelay();
    await using sender = await logIn(server.port);
    const secret = nacl.randomBytes(32);
    await using one = await logIn(server.port, { secret });
    await using two = await logIn(server.port, { secret });
    await using three = await logIn(server.port, { secret });
    const deliver = async (text: string) => {
      sender.sendPacket(one.publicKey, Buffer.from(text));
      await sender.settled();
    };
    const got = (client: RawClient) => packetsFrom(client, sender).map(String);

    await deliver('to the newest');
    await three.until(() => got(three).length === 1);
    await one.settled();
    await deliver('to one, which spoke last');
    await one.until(() => got(one).length === 1);
    two.send(FrameType.NotePreferred, Buffer.of(1));
    await two.settled();
    await deliver('to two, by another frame');
    await two.until(() => got(two).length === 1);
    expect(server.count('duplicate_keys')).toBe(1);
    expect(server.count('duplicate_connections')).toBe(3);

    await two[Symbol.asyncDispose]();
    await expect.poll(() => server.count('clients')).toBe(3);
    await deliver('to one again');
    await one.until(() => got(one).length === 2);
    await one[Symbol.asyncDispose]();
    await expect.poll(() => server.count('clients')).toBe(2);
    await deliver('to three, all that is left');
    await three.until(() => got(three).length === 2);
    expect(server.count('duplicate_keys')).toBe(0);
    expect(server.count('duplicate_connections')).toBe(0);
    expect(got(three)).toEqual(['to the newest', 'to three, all that is left']);
    expect(sender.all(FrameType.PeerGone)).toEqual([]);
  });
});

describe('pings and notes', () => {
  it('echoes the first eight bytes of a ping of up to 1,000', async () => {
    await using server = await startTestRelay();
    await using client = await logIn(server.port);
    const ping = randomBytes(1000);
    client.send(FrameType.Ping, ping);
    expect(await client.nextOf(FrameType.Pong)).toEqual(ping.subarray(0, 8));
    expect(server.count('pings_received')).toBe(1);
    expect(server.count('pongs_sent')).toBe(1);
  });

  it('answers one of many pings that come at once, not all', async () => {
    await using server = await startTestRelay();
    await using client = await logIn(server.port);
    client.socket.cork();
    for (let i = 0; i < 1000; i++) client.send(FrameType.Ping, randomBytes(8));
    client.socket.uncork();
    await client.nextOf(FrameType.Pong);
    await expect.poll(() => server.count('pings_received')).toBe(1000);
    expect(server.count('pongs_sent')).toBeLessThan(100);
  });

  it('counts home clients, once each, until they leave', async () => {
    await using server = await startTestRelay();
    const client = await logIn(server.port);
    for (const preferred of [1, 1, 0, 1]) client.send(FrameType.NotePreferred, Buffer.of(preferred));
    await client.settled();
    expect(server.count('home_clients')).toBe(1);
    await client[Symbol.asyncDispose]();
    await expect.poll(() => server.count('home_clients')).toBe(0);
  });
});
