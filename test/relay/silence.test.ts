import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { encodeFrame } from '../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { defaults } from '../../src/relay/defaults.ts';
import { GoodPair } from './support/good-pair.ts';
import { dial, RawClient } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

// Ten seconds in earnest; the same waits, run in a fraction of the time.
vi.mock('../../src/relay/defaults.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/relay/defaults.ts')>();
  return { defaults: { ...original.defaults, loginStepTimeout: original.defaults.loginStepTimeout / 8 } };
});

const HEAD = 'GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n';

/** A record header that promises 512 bytes of ClientHello, and the first of them. */
const HALF_HELLO = Buffer.from('160301020001000180030345', 'hex');

/** Connects, does something, then says no more or too little; settles with the time until the relay closed, ms. */
async function timeUntilClosed(port: number, tls: boolean, act: (client: RawClient) => Promise<void> | void) {
  const client = tls ? await dial(port) : new RawClient(connectTcp({ port, host: '127.0.0.1', noDelay: true }));
  const started = Date.now();
  await act(client);
  await client.untilClosed(5000).catch(() => {});
  const time = client.closed ? Date.now() - started : Number.POSITIVE_INFINITY;
  await client[Symbol.asyncDispose]();
  return time;
}

/** Byte by byte, far too slowly, until the relay has had enough. */
async function dribble(client: RawClient, bytes: Buffer): Promise<void> {
  for (let i = 0; i < bytes.length && !client.closed; i++) {
    client.write(bytes.subarray(i, i + 1));
    await Promise.race([client.untilClosed(5000), delay(125)]);
  }
}

/** Reads the answer to an upgrade and the greeting, then goes on. */
function upgraded(act?: (client: RawClient) => Promise<void> | void) {
  return async (client: RawClient) => {
    client.expectHead();
    client.write(HEAD);
    await client.nextOf(FrameType.ServerKey);
    await act?.(client);
  };
}

describe('silence, or a byte now and then', () => {
  it('is ended when the step’s time is over, wherever it begins, and nobody else notices', async () => {
    await using server = await startTestRelay({ httpPort: 0 });
    await using plain = await startTestRelay({ certificate: null });
    await using proxied = await startTestRelay({ proxyProtocolFrom: ['127.0.0.1'] });
    await using undecided = await startTestRelay({}, { admit: () => new Promise(() => {}) });
    await using pair = await GoodPair.start(server.port);
    const http = server.relay.ports.http;
    const login = (client: RawClient) => encodeFrame(FrameType.ClientInfo, client.clientInfo(server.relay.publicKey));

    const times = await Promise.all(
      Object.entries({
        'TCP only': timeUntilClosed(server.port, false, () => {}),
        'half a hello': timeUntilClosed(server.port, false, (client) => client.write(HALF_HELLO)),
        'a slow hello': timeUntilClosed(server.port, false, (client) => dribble(client, HALF_HELLO.subarray(0, 11))),
        'after TLS': timeUntilClosed(server.port, true, () => {}),
        'half a request head': timeUntilClosed(server.port, true, (client) => client.write(HEAD.slice(0, 40))),
        'a slow request head': timeUntilClosed(server.port, true, (client) => dribble(client, Buffer.from(HEAD))),
        'empty lines': timeUntilClosed(server.port, true, (client) => dribble(client, Buffer.from('\r\n'.repeat(20)))),
        'after 101': timeUntilClosed(server.port, true, upgraded()),
        'half a login': timeUntilClosed(
          server.port,
          true,
          upgraded((client) => client.write(login(client).subarray(0, 70))),
        ),
        'a slow login': timeUntilClosed(
          server.port,
          true,
          upgraded((client) => dribble(client, login(client))),
        ),
        'a WebSocket': (async () => {
          const socket = new WebSocket(`wss://127.0.0.1:${server.port}/derp`, 'derp', { rejectUnauthorized: false });
          const client = new RawClient(createWebSocketStream(socket));
          await client.nextOf(FrameType.ServerKey);
          const started = Date.now();
          await once(socket, 'close');
          return Date.now() - started;
        })(),
        'the plain HTTP port': timeUntilClosed(http, false, () => {}),
        'half a head there': timeUntilClosed(http, false, (client) => client.write('GET / HTTP/1.1\r\nHo')),
        'without TLS': timeUntilClosed(plain.port, false, () => {}),
        'half a head without TLS': timeUntilClosed(plain.port, false, (client) => client.write(HEAD.slice(0, 40))),
        'no PROXY header': timeUntilClosed(proxied.port, false, () => {}),
        'half a PROXY header': timeUntilClosed(proxied.port, false, (client) => client.write('PROXY TCP4 192.0.2.1 ')),
        'an admission that never ends': timeUntilClosed(
          undecided.port,
          true,
          upgraded((client) =>
            client.write(encodeFrame(FrameType.ClientInfo, client.clientInfo(undecided.relay.publicKey))),
          ),
        ),
      }).map(async ([step, time]) => [step, await time] as const),
    );
    expect(defaults.loginStepTimeout).toBe(1250);
    // node:http looks once a second.
    const late = times.filter(
      ([, time]) => time < defaults.loginStepTimeout - 100 || time > defaults.loginStepTimeout + 1500,
    );
    expect(late).toEqual([]);
    expect(server.relay.snapshot().noise).toMatchObject({
      handshake_timeout: 3,
      http_timeout: 6,
      login_timeout: 4,
      login_failed: 0,
      bad_frame: 0,
    });
    expect(plain.count('noise', 'http_timeout')).toBe(2);
    expect(proxied.count('noise', 'bad_proxy_header')).toBe(2);
    expect(undecided.count('noise', 'login_timeout')).toBe(1);
    const { sent, received } = await pair.finish();
    expect(sent[0]).toBeGreaterThan(50);
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
    for (const one of [plain, proxied, undecided]) expect(one.count('clients')).toBe(0);
    expect(server.count('clients')).toBe(2);
    expect(server.count('internal_errors')).toBe(0);
  });
});
