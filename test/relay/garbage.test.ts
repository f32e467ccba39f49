import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { GoodPair } from './support/good-pair.ts';
import { parseAnswer } from './support/http.ts';
import { RawClient } from './support/raw-client.ts';
import { startTestRelay, type TestRelay } from './support/test-relay.ts';

const HEAD = 'GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

let server: TestRelay;
let plain: TestRelay;
let pairs: GoodPair[];
let before: { memory: number; sockets: number };

beforeAll(async () => {
  server = await startTestRelay({ httpPort: 0, logLevel: 'info' });
  plain = await startTestRelay({ certificate: null, logLevel: 'info' });
  pairs = [await GoodPair.start(server.port), await GoodPair.start(plain.port, { tls: false })];
  before = { memory: usedMemory(), sockets: openSockets() };
});
afterAll(async () => {
  for (const pair of pairs) await pair[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

function usedMemory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Sockets of this process, the relay's ends of our connections among them. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

function tcp(port: number): Socket {
  return connectTcp({ port, host: '127.0.0.1' }).on('error', () => {});
}

async function tls(port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** Says these bytes, hangs up, and waits until the relay has, too. */
async function say(socket: Socket, bytes: Buffer | string): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(bytes);
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

/** Says the same again and again until the relay closes. @returns what it answered and how many bytes were sent */
async function flood(socket: Socket, start: string, again: Buffer): Promise<{ answer: string; sent: number }> {
  let answer = '';
  let sent = 0;
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.write(start);
  while (!socket.destroyed && sent < 64 << 20) {
    sent += again.length;
    if (!socket.write(again)) await Promise.race([once(socket, 'drain').catch(() => {}), delay(200)]);
  }
  socket.destroy();
  return { answer, sent };
}

const times = (count: number, make: (i: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));
// Long enough that no chance makes them the beginning of something right.
const anyBytes = (i: number) => randomBytes(16 + ((i * 7919) % 3000));

describe('random bytes', () => {
  it('where TLS or HTTP is expected', async () => {
    const noise = () => server.count('noise', 'tls_handshake_failed') + server.count('noise', 'bad_http_request');
    const noiseBefore = noise();
    await times(40, (i) => say(tcp(server.port), anyBytes(i)));
    expect(noise() - noiseBefore).toBe(40);
    await times(40, (i) => say(tcp(server.relay.ports.http), anyBytes(i)));
    await times(40, (i) => say(tcp(plain.port), anyBytes(i)));
    expect(plain.count('noise', 'bad_http_request')).toBe(40);
    await times(40, async (i) => say(await tls(server.port), anyBytes(i)));
    await expect.poll(() => noise() - noiseBefore).toBe(120);
  });

  it('that look like TLS', async () => {
    await times(40, (i) =>
      say(tcp(server.port), Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), anyBytes(i)])),
    );
  });

  it('in place of the login and behind it', async () => {
    for (const { port, relay } of [server, plain]) {
      await times(40, async (i) => {
        const socket = port === server.port ? await tls(port) : tcp(port);
        const client = new RawClient(socket);
        const login =
          i % 2 === 0 ? encodeFrame(FrameType.ClientInfo, client.clientInfo(relay.publicKey)) : Buffer.alloc(0);
        client.write(Buffer.concat([Buffer.from(`${HEAD}Derp-Fast-Start: 1\r\n\r\n`), login, anyBytes(i)]));
        await delay(50);
        socket.destroy();
        await client.untilClosed();
      });
    }
  });

  it('here and there in a fast start', async () => {
    await times(100, async (i) => {
      const client = new RawClient(tcp(plain.port));
      const bytes = Buffer.concat([
        Buffer.from(`${HEAD}Derp-Fast-Start: 1\r\n\r\n`),
        encodeFrame(FrameType.ClientInfo, client.clientInfo(plain.relay.publicKey)),
        encodeFrame(FrameType.SendPacket, client.publicKey, randomBytes(100)),
      ]);
      for (let k = 0; k <= i % 4; k++)
        bytes[Math.floor(Math.random() * bytes.length)] = Math.floor(Math.random() * 256);
      client.write(bytes);
      await delay(20);
      client.socket.destroy();
      await client.untilClosed();
    });
  });
});

describe('floods', () => {
  it.each([
    ['endless headers', `${HEAD}`, Buffer.from('X-More: of the same\r\n'.repeat(100))],
    ['one endless header', `${HEAD}X-Long: `, Buffer.alloc(4096, 'x')],
    ['an endless request line', 'GET /', Buffer.alloc(4096, 'x')],
  ])('of %s are ended soon', async (_, start, again) => {
    for (const socket of [await tls(server.port), tcp(plain.port), tcp(server.relay.ports.http)]) {
      const { answer, sent } = await flood(socket, start, again);
      if (answer !== '') expect([400, 431]).toContain(parseAnswer(answer).status);
      expect(sent).toBeLessThan(8 << 20);
    }
  });

  it('of requests whose answers nobody reads stop being read', async () => {
    const socket = tcp(plain.port);
    socket.pause();
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
    for (let i = 0; i < 200; i++) socket.write(request);
    await delay(300);
    expect(usedMemory() - before.memory).toBeLessThan(48 << 20);
    socket.destroy();
  });
});

describe('connections that end in the middle', () => {
  it('by a reset, at every step', async () => {
    const steps: ((socket: TLSSocket) => Promise<void> | void)[] = [
      () => {},
      (socket) => void socket.write(HEAD.slice(0, 30)),
      (socket) => void socket.write(`${HEAD}\r\n`),
      (socket) => void socket.write('GET /debug/vars HTTP/1.1\r\nHost: x\r\n\r\n'),
      async (socket) => {
        const client = new RawClient(socket);
        const login = encodeFrame(FrameType.ClientInfo, client.clientInfo(server.relay.publicKey));
        client.write(Buffer.concat([Buffer.from(`${HEAD}Derp-Fast-Start: 1\r\n\r\n`), login]));
        await client.nextOf(FrameType.ServerInfo);
        for (let i = 0; i < 50; i++) client.sendPacket(client.publicKey, randomBytes(10_000));
        client.send(FrameType.SendPacket, client.publicKey.subarray(0, 31), Buffer.alloc(5));
      },
    ];
    for (const step of steps) {
      await times(10, async (i) => {
        const raw = tcp(server.port);
        const socket = connectTls({ socket: raw, rejectUnauthorized: false }).on('error', () => {});
        await once(socket, 'secureConnect');
        await step(socket);
        await delay(i);
        raw.resetAndDestroy();
      });
    }
    await times(20, async (i) => {
      const raw = tcp(server.port);
      await once(raw, 'connect');
      if (i % 2 === 0) raw.write(Buffer.from('1603010200010001fc0303', 'hex'));
      raw.resetAndDestroy();
    });
  });

  it('five hundred at once', async () => {
    const accepted = server.count('accepts');
    const sockets = Array.from({ length: 500 }, () => tcp(server.port));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const [i, socket] of sockets.entries()) i % 2 === 0 ? socket.resetAndDestroy() : socket.destroy();
    await expect.poll(() => server.count('accepts') - accepted).toBeGreaterThanOrEqual(500);
  });
});

describe('after all that', () => {
  it('the good pairs have lost nothing and were never held up', async () => {
    for (const pair of pairs) {
      const { sent, received } = await pair.finish();
      expect(sent[0]).toBeGreaterThan(100);
      expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
      expect(pair.longestPause).toBeLessThan(1500);
    }
  });

  it('they are all that is left: no client, no socket, no memory of the others', async () => {
    for (const one of [server, plain]) {
      await expect.poll(() => one.count('clients')).toBe(2);
      await expect.poll(() => one.count('queued_bytes')).toBe(0);
      expect(one.count('internal_errors')).toBe(0);
    }
    await expect.poll(openSockets, { timeout: 5000 }).toBe(before.sockets);
    expect(usedMemory() - before.memory).toBeLessThan(24 << 20);
  });

  it('one line of the log sums it up', async () => {
    const totals = server.relay.snapshot().noise as Record<string, number>;
    expect(server.log.filter(({ event }) => event === 'noise')).toEqual([]);
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
    await server.relay.stop();
    const lines = server.log.filter(({ event }) => event === 'noise');
    expect(lines).toHaveLength(1);
    const { time: _time, level, event: _event, ...counts } = lines[0]!;
    expect(level).toBe('info');
    expect(counts).toEqual(Object.fromEntries(Object.entries(totals).filter(([, count]) => count > 0)));
    expect(Object.keys(counts)).toEqual(
      expect.arrayContaining(['tls_handshake_failed', 'bad_http_request', 'login_failed']),
    );
    // Nothing else was printed about strangers.
    const events = new Set(server.log.map((line) => line.event));
    expect(
      [...events].filter((name) => !['listening', 'stopping', 'stopped', 'noise'].includes(name as string)),
    ).toEqual(['client_connected', 'client_disconnected']);
  });
});
