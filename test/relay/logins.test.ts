import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { encodeFrame } from '../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { readMetaCertificate } from '../../src/protocol/meta-certificate.ts';
import { canShareReads } from '../../src/relay/transport/shared-read.ts';
import type { ReadMode } from '../../src/relay/transport/socket-transport.ts';
import { dial, logIn, proveKey, RawClient } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';
import { certificatesOnTheWire } from './support/wire.ts';

const REQUEST = 'GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n';

it('can share reads on every Node this project supports', () => {
  expect(canShareReads).toBe(true);
});

describe.each<ReadMode>(['shared', 'events'])('logins, reading by %s', (readMode) => {
  it('answers an upgrade with 101, its key, and a box only that client can open', async () => {
    await using server = await startTestRelay({}, { readMode });
    const relayKey = server.relay.publicKey;
    await using client = await dial(server.port);
    client.expectHead();
    client.write(`${REQUEST}\r\n`);
    const greeting = await client.next();
    expect(client.head).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n' +
        `Derp-Public-Key: ${relayKey.toString('hex')}\r\n\r\n`,
    );
    expect(greeting.type).toBe(FrameType.ServerKey);
    expect(greeting.payload.toString('hex')).toBe(`44455250f09f9491${relayKey.toString('hex')}`);

    client.send(FrameType.ClientInfo, client.clientInfo(relayKey));
    const info = await client.next();
    expect(info.type).toBe(FrameType.ServerInfo);
    const opened = nacl.box.open(
      info.payload.subarray(24),
      info.payload.subarray(0, 24),
      relayKey,
      client.keys.secretKey,
    );
    expect(JSON.parse(Buffer.from(opened!).toString())).toEqual({ version: 2 });
    expect(server.count('logins', 'upgrade')).toBe(1);
    expect(server.count('clients')).toBe(1);
  });

  it('takes a fast start: no HTTP answer, login and packets in the first flight', async () => {
    await using server = await startTestRelay({}, { readMode });
    await using receiver = await logIn(server.port);
    await using client = await dial(server.port);
    const relayKey = server.relay.publicKey;
    client.write(
      Buffer.concat([
        Buffer.from(`${REQUEST}Derp-Fast-Start: 1\r\n\r\n`),
        encodeFrame(FrameType.ClientInfo, client.clientInfo(relayKey)),
        encodeFrame(FrameType.SendPacket, receiver.publicKey, Buffer.from('early')),
      ]),
    );
    expect((await client.next()).type).toBe(FrameType.ServerKey);
    expect((await client.next()).type).toBe(FrameType.ServerInfo);
    expect(await receiver.nextOf(FrameType.RecvPacket)).toEqual(
      Buffer.concat([client.publicKey, Buffer.from('early')]),
    );
    expect(server.count('logins', 'fast_start')).toBe(1);
  });

  it('takes a login that arrives in small pieces, through node:http', async () => {
    await using server = await startTestRelay({}, { readMode });
    await using client = await dial(server.port);
    client.expectHead();
    const request = Buffer.from(`${REQUEST}X-Anything: else\r\n\r\n`);
    for (let i = 0; i < request.length; i += 9) {
      client.write(request.subarray(i, i + 9));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await client.nextOf(FrameType.ServerKey);
    const login = encodeFrame(FrameType.ClientInfo, client.clientInfo(server.relay.publicKey));
    for (let i = 0; i < login.length; i += 17) {
      client.write(login.subarray(i, i + 17));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await client.nextOf(FrameType.ServerInfo);
    await client.settled();
    expect(server.count('logins', 'upgrade')).toBe(1);
  });

  it('takes plain HTTP where it has no certificate', async () => {
    await using server = await startTestRelay({ certificate: null }, { readMode });
    await using a = await logIn(server.port, { tls: false });
    await using b = await logIn(server.port, { tls: false });
    a.sendPacket(b.publicKey, Buffer.from('plain'));
    expect(await b.nextOf(FrameType.RecvPacket)).toEqual(Buffer.concat([a.publicKey, Buffer.from('plain')]));
  });

  it('counts clients that wanted another node', async () => {
    await using server = await startTestRelay({}, { readMode });
    {
      await using client = await logIn(server.port, { headers: 'Ideal-Node: 900b\r\n' });
      await client.settled();
      expect(server.count('clients_not_ideal')).toBe(1);
    }
    await expect.poll(() => server.count('clients_not_ideal')).toBe(0);
    expect(server.log.find((line) => line.event === 'client_connected')).toMatchObject({ ideal_node: '900b' });
  });
});

describe('the TLS chain', () => {
  it('ends with the meta certificate that names the relay’s key', async () => {
    await using server = await startTestRelay();
    const chain = await certificatesOnTheWire(server.port);
    expect(chain).toHaveLength(2);
    expect(new X509Certificate(chain[0]!).subjectAltName).toBe('IP Address:127.0.0.1');
    const meta = readMetaCertificate(chain[1]!);
    expect(meta?.publicKey.equals(server.relay.publicKey)).toBe(true);
    expect(meta?.protocolVersion).toBe(2);
  });
});

describe('WebSocket', () => {
  async function open(port: number, protocol: string | string[]): Promise<WebSocket> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/derp`, protocol, {
      rejectUnauthorized: false,
      origin: 'https://anywhere.example',
    });
    await once(socket, 'open');
    return socket;
  }

  it('carries the byte stream in binary messages, frames spanning them', async () => {
    await using server = await startTestRelay();
    await using other = await logIn(server.port);
    const socket = await open(server.port, ['other', 'derp']);
    expect(socket.protocol).toBe('derp');
    expect(socket.extensions).toBe('');
    await using client = new RawClient(createWebSocketStream(socket));
    await proveKey(client);
    // Two frames in three messages.
    const frames = Buffer.concat([
      encodeFrame(FrameType.SendPacket, other.publicKey, Buffer.from('one')),
      encodeFrame(FrameType.SendPacket, other.publicKey, Buffer.from('two')),
    ]);
    for (const [from, to] of [
      [0, 3],
      [3, 50],
      [50, frames.length],
    ]) {
      socket.send(frames.subarray(from, to));
    }
    expect((await other.nextOf(FrameType.RecvPacket)).subarray(32).toString()).toBe('one');
    expect((await other.nextOf(FrameType.RecvPacket)).subarray(32).toString()).toBe('two');
    const messages: number[] = [];
    socket.on('message', (data) => messages.push((data as Buffer).length));
    other.sendPacket(client.publicKey, Buffer.alloc(65_536, 7));
    expect((await client.nextOf(FrameType.RecvPacket)).length).toBe(32 + 65_536);
    // Tailscale's clients end the connection at a longer message.
    expect(Math.max(...messages)).toBeLessThanOrEqual(32_768);
    expect(server.count('logins', 'websocket')).toBe(1);
  });

  it('without the derp subprotocol is the old spelling of a plain upgrade', async () => {
    await using server = await startTestRelay();
    await using client = await dial(server.port);
    client.expectHead();
    client.write('GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n');
    await proveKey(client);
    expect(client.head).toMatch(/^HTTP\/1\.1 101 .*Upgrade: DERP/s);
  });

  it('closes on text messages and on messages longer than any frame', async () => {
    await using server = await startTestRelay();
    const text = await open(server.port, 'derp');
    text.send('text');
    expect((await once(text, 'close'))[0]).toBe(1003);
    const long = await open(server.port, 'derp');
    long.send(Buffer.alloc(300_000));
    expect((await once(long, 'close'))[0]).toBe(1009);
  });
});
