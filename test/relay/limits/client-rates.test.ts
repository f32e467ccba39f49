/** A relay that holds its clients to a rate. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { GoodPair } from '../support/good-pair.ts';
import { logIn, type RawClient } from '../support/raw-client.ts';
import { startTestRelay, type TestRelay } from '../support/test-relay.ts';

const SIZE = 1000;
const rate = { bytesPerSecond: 1_000_000, burstBytes: 0 };

/** Sends so many packets as fast as they go, and says how long it took until all had arrived, milliseconds. */
async function transfer(from: RawClient, to: RawClient, packets: number): Promise<number> {
  const before = to.all(FrameType.RecvPacket).length;
  const start = performance.now();
  for (let i = 0; i < packets; i++) from.sendPacket(to.publicKey, Buffer.alloc(SIZE, i));
  await to.until(() => to.all(FrameType.RecvPacket).length === before + packets, 20_000);
  return performance.now() - start;
}

/** What a client was told by ServerInfo, each time. */
function serverInfos(client: RawClient): unknown[] {
  const [greeting] = client.all(FrameType.ServerKey);
  const { secretKey } = client.keys;
  return client.all(FrameType.ServerInfo).map((payload) => {
    const json = nacl.box.open(payload.subarray(24), payload.subarray(0, 24), greeting!.subarray(8, 40), secretKey);
    return JSON.parse(Buffer.from(json!).toString());
  });
}

/** Logs in and returns what ServerInfo said. */
async function serverInfo(server: TestRelay): Promise<unknown> {
  await using client = await logIn(server.port);
  return serverInfos(client)[0];
}

describe('a client that sends faster than it may', () => {
  it('is slowed down, loses nothing, and slows down nobody else', async () => {
    await using server = await startTestRelay({ clientRate: rate });
    await using fast = await logIn(server.port);
    await using receiver = await logIn(server.port);
    await using good = await GoodPair.start(server.port);
    // 600 kB, of which a burst of 66 kB and one read of 64 kB are free: at least 0.47 s.
    const took = await transfer(fast, receiver, 600);
    const { sent, received } = await good.finish();
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
    expect(took).toBeGreaterThan(450);
    expect(server.count('rate_pauses')).toBeGreaterThan(3);
    expect(server.count('packets_dropped', 'other', 'queue_head')).toBe(0);
  });

  it('is not slowed down while it keeps to its burst', async () => {
    await using server = await startTestRelay({ clientRate: { bytesPerSecond: 1000, burstBytes: 1_000_000 } });
    await using sender = await logIn(server.port);
    await using receiver = await logIn(server.port);
    await transfer(sender, receiver, 500);
    expect(server.count('rate_pauses')).toBe(0);
  });

  it('may leave in the middle of a pause', async () => {
    await using server = await startTestRelay({ clientRate: { bytesPerSecond: 10, burstBytes: 0 } });
    await using receiver = await logIn(server.port);
    {
      await using fast = await logIn(server.port);
      for (let i = 0; i < 200; i++) fast.sendPacket(receiver.publicKey, Buffer.alloc(SIZE));
      await expect.poll(() => server.count('rate_pauses')).toBe(1);
    }
    // Nobody reads from it, so its end is noticed when the relay ends, at the latest.
    expect(server.count('internal_errors')).toBe(0);
  });
});

describe('the rate', () => {
  it('is told to clients, which keep to it by themselves', async () => {
    await using limited = await startTestRelay({ clientRate: rate });
    expect(await serverInfo(limited)).toEqual({
      version: 2,
      TokenBucketBytesPerSecond: 1_000_000,
      TokenBucketBytesBurst: 65_568,
    });
    expect(limited.relay.snapshot().client_rate).toEqual({ bytes_per_second: 1_000_000, burst_bytes: 65_568 });
    await using open = await startTestRelay();
    expect(await serverInfo(open)).toEqual({ version: 2 });
    expect(open.relay.snapshot().client_rate).toEqual({ bytes_per_second: 0, burst_bytes: 0 });
  });

  it('is read again from its file, for those who are in too', async () => {
    await using files = await startTestRelay();
    const clientRateFile = join(files.folder, 'rate.json');
    const write = (limit: number) =>
      writeFile(clientRateFile, JSON.stringify({ PerClientRateLimitBytesPerSec: limit }));
    await write(0);
    await using server = await startTestRelay({ clientRateFile });
    await using sender = await logIn(server.port);
    await using receiver = await logIn(server.port);
    await transfer(sender, receiver, 500);
    expect(server.count('rate_pauses')).toBe(0);

    await write(1_000_000);
    await server.relay.reload();
    expect(await transfer(sender, receiver, 500)).toBeGreaterThan(350);
    const paused = server.count('rate_pauses');
    expect(paused).toBeGreaterThan(2);

    // A file that cannot be used changes nothing.
    await writeFile(clientRateFile, 'no JSON');
    await expect(server.relay.reload()).rejects.toThrow(`${clientRateFile}: is not JSON`);
    expect(server.relay.snapshot().client_rate).toMatchObject({ bytes_per_second: 1_000_000 });

    // Without the limit, a pause under way ends at once.
    await write(1);
    await server.relay.reload();
    for (let i = 0; i < 200; i++) sender.sendPacket(receiver.publicKey, Buffer.alloc(SIZE));
    await expect.poll(() => server.count('rate_pauses')).toBeGreaterThan(paused);
    await write(0);
    await server.relay.reload();
    await receiver.until(() => receiver.all(FrameType.RecvPacket).length === 1200);
    expect(server.log.filter(({ event }) => event === 'client_rate_reloaded')).toHaveLength(3);
  });

  it('is told anew to all who are in when it is another one, and to nobody when it is not', async () => {
    await using files = await startTestRelay();
    const clientRateFile = join(files.folder, 'rate.json');
    const write = (limit: number) =>
      writeFile(clientRateFile, JSON.stringify({ PerClientRateLimitBytesPerSec: limit }));
    await write(2_000_000);
    await using server = await startTestRelay({ clientRateFile });
    // More than are told at once.
    const clients = await Promise.all(Array.from({ length: 120 }, () => logIn(server.port)));
    try {
      const reloadWith = async (limit: number, infos: number) => {
        await write(limit);
        await server.relay.reload();
        await Promise.all(clients.map((client) => client.until(() => serverInfos(client).length === infos)));
      };
      await reloadWith(4_000_000, 2);
      // Were the same rate told again, there would be four in the end.
      await reloadWith(4_000_000, 2);
      await reloadWith(0, 3);
      for (const client of clients) {
        expect(serverInfos(client)).toEqual([
          { version: 2, TokenBucketBytesPerSecond: 2_000_000, TokenBucketBytesBurst: 65_568 },
          { version: 2, TokenBucketBytesPerSecond: 4_000_000, TokenBucketBytesBurst: 65_568 },
          { version: 2 },
        ]);
      }
    } finally {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    }
  });

  it('must be readable at the start', async () => {
    const start = startTestRelay({ clientRateFile: '/nonexistent/rate.json' });
    await expect(start).rejects.toMatchObject({ code: 'bad-rate-file' });
  });
});
