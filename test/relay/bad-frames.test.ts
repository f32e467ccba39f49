import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame, writeFrameHeader } from '../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { GoodPair } from './support/good-pair.ts';
import { dial, logIn, proveKey, type RawClient } from './support/raw-client.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';

const FOUR_GB = 0xffff_ffff;

/** Salsa20's constant, and a part of tweetnacl that its types leave out. */
const SIGMA = Buffer.from('expand 32-byte k');
const { lowlevel: lowLevel } = nacl as unknown as {
  lowlevel: { crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, constant: Uint8Array): void };
};

let server: TestRelay;
let pair: GoodPair;
let failedLogins = 0;
let badFrames = 0;

beforeAll(async () => {
  server = await startTestRelay({ logLevel: 'info' });
  pair = await GoodPair.start(server.port);
});
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** A frame's header alone, whatever it promises. */
function header(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  writeFrameHeader(bytes, 0, type, length);
  return bytes;
}

/** A connection on which the relay has greeted and now waits for the login. */
async function greeted(): Promise<RawClient> {
  const client = await dial(server.port);
  client.expectHead();
  client.write('GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n');
  await client.nextOf(FrameType.ServerKey);
  return client;
}

/** Sends these bytes instead of a login and sees the relay close. */
async function refused(bytes: Buffer): Promise<void> {
  await using client = await greeted();
  client.write(bytes);
  await client.untilClosed();
  expect(client.all(FrameType.ServerInfo)).toEqual([]);
  expect(server.count('noise', 'login_failed')).toBe(++failedLogins);
}

describe('instead of a login', () => {
  it.each([
    ['a packet', FrameType.SendPacket, 100],
    ['a ping', FrameType.Ping, 8],
    ['a mesh frame', FrameType.WatchConns, 0],
    ['a frame that is not known', 0x7e, 10],
    ['a 4 GB frame that is not known', 0x7e, FOUR_GB],
    ['a 4 GB login', FrameType.ClientInfo, FOUR_GB],
    ['a login of 2 GB, a negative length to some', FrameType.ClientInfo, 0x8000_0000],
    ['an empty login', FrameType.ClientInfo, 0],
    ['a login with no room for a box', FrameType.ClientInfo, 55],
    ['a login of more than 256 KB', FrameType.ClientInfo, (256 << 10) + 1],
  ])('%s is refused by its header', async (_, type, length) => {
    await refused(header(type, length));
  });

  it.each([56, 57, 71, 72, 200])('a login of %i random bytes is refused', async (length) => {
    await refused(encodeFrame(FrameType.ClientInfo, randomBytes(length)));
  });

  it('a box with any bit flipped is refused', async () => {
    await using client = await greeted();
    const payload = client.clientInfo(server.relay.publicKey);
    // In the key, the nonce, the tag, the text.
    for (const at of [0, 31, 32, 55, 56, 71, 72, payload.length - 1]) {
      const flipped = Buffer.from(payload);
      flipped[at]! ^= 4;
      await refused(encodeFrame(FrameType.ClientInfo, flipped));
    }
    client.send(FrameType.ClientInfo, payload);
    await client.nextOf(FrameType.ServerInfo);
  });

  it('a box for another relay is refused', async () => {
    await using client = await greeted();
    await refused(encodeFrame(FrameType.ClientInfo, client.clientInfo(nacl.box.keyPair().publicKey)));
  });

  // With these as a public key the shared secret is zero, so that anybody can make a box that opens. Source:
  // https://cr.yp.to/ecdh.html, "How do I validate Curve25519 public keys?"
  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('the key of low order %s is refused, although its box opens', async (key) => {
    const known = new Uint8Array(32);
    lowLevel.crypto_core_hsalsa20(known, new Uint8Array(16), new Uint8Array(32), SIGMA);
    const nonce = randomBytes(24);
    const box = nacl.secretbox(Buffer.from('{"version":2}'), nonce, known);
    await refused(encodeFrame(FrameType.ClientInfo, Buffer.from(key, 'hex'), nonce, box));
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'version: 2'],
    ['JSON cut short', '{"version":2'],
    ['a number', '2'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a version in words', '{"version":"two"}'],
    ['a mesh key that is a number', '{"version":2,"meshKey":5}'],
    ['CanAckPings that is a string', '{"version":2,"CanAckPings":"yes"}'],
    ['an app name that is an object', '{"version":2,"AppName":{}}'],
    ['invalid UTF-8', Buffer.from('7b22ff', 'hex')],
    ['very deep JSON', '['.repeat(200_000)],
  ])('%s in the box is refused', async (_, json) => {
    const keys = nacl.box.keyPair();
    const nonce = randomBytes(24);
    const box = nacl.box(Buffer.from(json), nonce, server.relay.publicKey, keys.secretKey);
    await refused(encodeFrame(FrameType.ClientInfo, keys.publicKey, nonce, box));
  });

  it('strange but right JSON is accepted: unknown fields, nulls, any case, the longest there may be', async () => {
    for (const info of [
      {},
      {
        VERSION: 2,
        canackpings: true,
        isProber: null,
        future: { a: [1] },
        ...JSON.parse('{"__proto__":1,"constructor":2}'),
      },
      { version: 99, AppName: 'a'.repeat(1000) },
      { version: 2, future: 'x'.repeat((256 << 10) - 72 - '{"version":2,"future":""}'.length) },
    ]) {
      await using client = await dial(server.port);
      client.expectHead();
      client.write('GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n');
      await proveKey(client, info);
      await client.settled();
    }
    const logged = server.log.filter(({ app }) => app !== undefined);
    expect(logged.map(({ app }) => app)).toEqual(['a'.repeat(64)]);
  });
});

describe('after the login', () => {
  it.each([
    ['SendPacket', FrameType.SendPacket, [0, 31, 32 + 65_537, FOUR_GB]],
    ['NotePreferred', FrameType.NotePreferred, [0, 2, FOUR_GB]],
    ['Ping', FrameType.Ping, [0, 7, 1001, FOUR_GB]],
    ['ForwardPacket', FrameType.ForwardPacket, [0, 64, 100, FOUR_GB]],
    ['WatchConns', FrameType.WatchConns, [0, 1]],
    ['ClosePeer', FrameType.ClosePeer, [0, 32]],
  ])('%s of a wrong length, or without the right, closes the connection', async (_, type, lengths) => {
    for (const length of lengths) {
      await using client = await logIn(server.port);
      client.write(header(type, length));
      await client.untilClosed();
      expect(server.count('noise', 'bad_frame')).toBe(++badFrames);
    }
  });

  it.each([
    ['SendPacket', FrameType.SendPacket, [32, 32 + 65_536]],
    ['NotePreferred', FrameType.NotePreferred, [1]],
    ['Ping', FrameType.Ping, [8, 1000]],
    ['Pong', FrameType.Pong, [0, 8, 5000]],
    ['a second ClientInfo', FrameType.ClientInfo, [0, 100]],
    ['a frame that only relays send', FrameType.RecvPacket, [0, 100]],
    ['a frame that is not known', 0xff, [0, 1, 300_000]],
  ])('%s of a length that may be is taken', async (_, type, lengths) => {
    await using client = await logIn(server.port);
    for (const length of lengths) {
      client.send(type, Buffer.alloc(length));
      await client.settled();
    }
  });

  it('a 4 GB frame that is not known is passed over without being kept', async () => {
    await using quiet = await startTestRelay();
    await using client = await logIn(quiet.port);
    client.write(header(0x7e, FOUR_GB));
    for (let i = 0; i < 32; i++) client.write(Buffer.alloc(1 << 20, 0x12));
    await expect.poll(() => client.socket.writableLength).toBe(0);
    expect(client.closed).toBe(false);
    expect(quiet.count('queued_bytes')).toBe(0);
    expect(quiet.count('unknown_frames')).toBe(1);
  });

  it('a frame that stays unfinished costs what was sent of it, until the client leaves', async () => {
    await using quiet = await startTestRelay();
    const client = await logIn(quiet.port);
    await expect.poll(() => quiet.count('queued_bytes')).toBe(0);
    client.write(Buffer.concat([header(FrameType.SendPacket, 32 + 65_536), Buffer.alloc(100)]));
    await expect.poll(() => quiet.count('queued_bytes')).toBeGreaterThan(0);
    expect(quiet.count('queued_bytes')).toBeLessThanOrEqual(4096);
    await client[Symbol.asyncDispose]();
    await expect.poll(() => quiet.count('queued_bytes')).toBe(0);
  });
});

describe('all the others', () => {
  it('noticed nothing of it', async () => {
    const { sent, received } = await pair.finish();
    expect(sent[0]).toBeGreaterThan(50);
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
    await expect.poll(() => server.count('clients')).toBe(2);
    await expect.poll(() => server.count('queued_bytes')).toBe(0);
    expect(server.count('noise', 'login_failed')).toBe(failedLogins);
    expect(server.count('noise', 'bad_frame')).toBe(badFrames);
    expect(server.count('internal_errors')).toBe(0);
    // Counted, not printed one by one.
    const events = new Set(server.log.map(({ event }) => event));
    expect(events).toEqual(new Set(['listening', 'client_connected', 'client_disconnected']));
  });
});
