import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { defaults } from '../../src/relay/defaults.ts';
import type { ReadMode } from '../../src/relay/transport/socket-transport.ts';
import { logIn, proveKey, RawClient } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

const numbersOf = (client: RawClient) => client.all(FrameType.RecvPacket).map((payload) => payload.readUInt32BE(32));

/** `Restarting`'s two numbers. */
const noticesOf = (client: RawClient) =>
  client.all(FrameType.Restarting).map((payload) => [payload.readUInt32BE(0), payload.readUInt32BE(4)]);

function numbered(i: number, size: number): Buffer {
  const packet = Buffer.alloc(size);
  packet.writeUInt32BE(i);
  return packet;
}

describe.each<ReadMode>(['shared', 'events'])('a relay that stops, reading by %s', (readMode) => {
  it('tells its clients when to come back, and lets go of its port', async () => {
    const server = await startTestRelay({}, { readMode });
    const clients = await Promise.all(Array.from({ length: 20 }, () => logIn(server.port)));
    await server.relay.stop();
    await Promise.all(clients.map((client) => client.untilClosed()));
    const notices = clients.map(noticesOf);
    for (const [notice, ...more] of notices) {
      expect(more).toEqual([]);
      expect(notice![0]).toBeLessThan(defaults.restartSpread);
      expect(notice![1]).toBe(defaults.restartTryFor);
    }
    // Not all at the same moment.
    expect(new Set(notices.map(([notice]) => notice![0])).size).toBeGreaterThan(5);
    expect(server.count('clients')).toBe(0);
    expect(server.count('queued_bytes')).toBe(0);
    const again = await startTestRelay({ listen: { host: '127.0.0.1', port: server.port } });
    expect(again.port).toBe(server.port);
    await again[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('sends what is queued first', async () => {
    await using server = await startTestRelay({ writeTimeoutMs: 0, drainMs: 5000 }, { readMode });
    await using sender = await logIn(server.port);
    await using slow = await logIn(server.port);
    slow.socket.pause();
    let sent = 0;
    // More than the system takes for a connection that is not read, so that the rest waits in the relay.
    while (server.count('queued_bytes') < 200_000) {
      for (let k = 0; k < 10; k++) sender.sendPacket(slow.publicKey, numbered(sent++, 8000));
      await sender.settled();
    }
    const stopped = server.relay.stop();
    await sender.untilClosed();
    slow.socket.resume();
    await slow.untilClosed();
    await stopped;
    const dropped = server.count('packets_dropped', 'other', 'queue_head');
    expect(dropped).toBe(0);
    expect(numbersOf(slow)).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(noticesOf(slow)).toHaveLength(1);
  });

  it('does not wait for ever for who does not read', async () => {
    await using server = await startTestRelay({ writeTimeoutMs: 0, drainMs: 300 }, { readMode });
    await using sender = await logIn(server.port);
    await using stuck = await logIn(server.port);
    stuck.socket.pause();
    let sent = 0;
    while (server.count('queued_bytes') < 200_000) {
      for (let k = 0; k < 10; k++) sender.sendPacket(stuck.publicKey, numbered(sent++, 8000));
      await sender.settled();
    }
    const started = Date.now();
    await server.relay.stop();
    const took = Date.now() - started;
    expect(took).toBeGreaterThan(250);
    expect(took).toBeLessThan(1000);
    expect(server.count('queued_bytes')).toBe(0);
  });

  it('loses nothing of what came in before, for clients that go on sending', async () => {
    const server = await startTestRelay({}, { readMode });
    const clients = await Promise.all(Array.from({ length: 6 }, () => logIn(server.port)));
    let sent = 0;
    const sending = setInterval(() => {
      for (const [i, client] of clients.entries()) {
        if (!client.closed) client.sendPacket(clients[(i + 1) % 6]!.publicKey, numbered(sent, 200));
      }
      sent++;
    }, 1);
    await Promise.all(clients.map((client) => client.nextOf(FrameType.RecvPacket)));
    for (let i = 0; i < 20; i++) await Promise.all(clients.map((client) => client.settled()));
    await server.relay.stop();
    await Promise.all(clients.map((client) => client.untilClosed()));
    clearInterval(sending);
    for (const client of clients) {
      const numbers = numbersOf(client);
      expect(numbers).toEqual(numbers.map((_, i) => i));
      expect(noticesOf(client)).toHaveLength(1);
    }
    expect(server.count('internal_errors')).toBe(0);
    await server[Symbol.asyncDispose]();
  });
});

describe('stopping', () => {
  it('ends WebSockets in their own way', async () => {
    const server = await startTestRelay();
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}/derp`, 'derp', { rejectUnauthorized: false });
    const client = new RawClient(createWebSocketStream(socket));
    await proveKey(client);
    const closed = once(socket, 'close');
    await server.relay.stop();
    expect((await closed)[0]).toBe(1001);
    await client.until(() => noticesOf(client).length === 1);
    await server[Symbol.asyncDispose]();
  });

  it('is done once, takes no new connections, and says so in the log', async () => {
    const server = await startTestRelay();
    await using client = await logIn(server.port);
    const stopping = server.relay.stop();
    expect(server.relay.stop()).toBe(stopping);
    const late = connectTcp({ port: server.port, host: '127.0.0.1' });
    const [error] = (await Promise.race([once(late, 'close'), once(late, 'error')]).catch((reason) => [reason])) as [
      NodeJS.ErrnoException,
    ];
    expect(error.code).toBe('ECONNREFUSED');
    await stopping;
    await client.untilClosed();
    const events = server.log.map(({ event }) => event);
    expect(events.filter((event) => event === 'stopping' || event === 'stopped')).toEqual(['stopping', 'stopped']);
    expect(server.log.find(({ event }) => event === 'stopping')).toMatchObject({ clients: 1 });
    await server[Symbol.asyncDispose]();
  });
});
