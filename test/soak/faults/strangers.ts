/** Those who never log in, or do nothing else. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { encodeBindingRequest } from '../../../src/protocol/stun.ts';
import { mutateBytes, words } from '../../fuzz/mutate.ts';
import { RawClient } from '../../relay/support/raw-client.ts';
import { connected, enter, fastStart, mustClose, openTcp, openTls, PATIENCE, reset, UPGRADE } from '../connections.ts';
import { type Fault, RelayFault } from '../target.ts';

const HELLO = Buffer.from('1603010200010001fc0303', 'hex');

export const garbage: Fault = {
  name: 'garbage',
  load: '30 connections with up to 4 KB of random bytes: instead of TLS, in it, on the HTTP port, in place of the login',
  async strike(target, random) {
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const bytes = random.bytes(16 + random.length(4000));
        const kind = i % 4;
        const plain = kind < 2 || (kind === 2 && target.httpPort >= 0);
        const socket = plain ? openTcp(kind === 2 ? target.httpPort : target.port) : await openTls(target.port);
        if (plain) await connected(socket, 'connect');
        if (kind === 1) socket.write(HELLO);
        if (kind === 3) socket.write(`${UPGRADE}Derp-Fast-Start: 1\r\n\r\n`);
        socket.end(bytes);
        await mustClose(socket, `garbage of kind ${kind}`);
      }),
    );
  },
};

const HTTP_WORDS = words(
  ...[
    '\r\n',
    '\r',
    '\n',
    ' ',
    '\t',
    ':',
    ',',
    '\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'Connection: Upgrade\r\n',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: -1\r\n',
    'Transfer-Encoding: chunked\r\n',
    '0\r\n\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...['Upgrade: websocket\r\n', 'Sec-WebSocket-Protocol: derp\r\n', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'],
  ...[
    'Sec-WebSocket-Version: 13\r\n',
    'HTTP/1.0',
    'HTTP/2.0',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\0',
    '%00',
    '/../',
    'POST',
    'CONNECT',
  ],
);
const REQUESTS = [
  `${UPGRADE}\r\n`,
  `${UPGRADE}Derp-Fast-Start: 1\r\n\r\n`,
  'GET /generate_204 HTTP/1.1\r\nHost: x\r\nX-Tailscale-Challenge: abc\r\n\r\n',
  'POST /debug/vars HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: derp\r\n\r\n\x82\x85\0\0\0\0hello',
].map((text) => Buffer.from(text, 'latin1'));

export const oddRequests: Fault = {
  name: 'odd HTTP requests',
  load: '30 connections with changed request heads, bodies, pipelined requests and WebSocket frames',
  async strike(target, random) {
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        const socket = await openTls(target.port);
        socket.resume();
        for (let i = 1 + random.below(4); i > 0 && socket.writable; i--) {
          socket.write(mutateBytes(random, random.pick(REQUESTS), { words: HTTP_WORDS, most: 20_000 }));
          if (random.oneIn(3)) await delay(5);
        }
        socket.end();
        await mustClose(socket, 'an odd HTTP request');
      }),
    );
  },
};

export const storm: Fault = {
  name: 'connection storm',
  load: '60 connections at once: half log in and leave at once, half only connect and vanish',
  async strike(target) {
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        if (i % 2 === 0) {
          const socket = openTcp(target.port);
          await connected(socket, 'connect');
          if (i % 4 === 0) reset(socket);
          else socket.destroy();
          return;
        }
        const socket = await openTls(target.port);
        const client = new RawClient(socket);
        client.write(fastStart(target, client));
        await client.until(() => client.frames.length >= 2 || client.closed, PATIENCE);
        if (i % 4 === 1) reset(socket);
        else socket.end();
      }),
    );
  },
};

export const silence: Fault = {
  name: 'silence',
  load: 'eight connections that stop speaking at some step; the relay must end them after 10 s',
  async strike(target) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const socket = i < 4 ? openTcp(target.port) : await openTls(target.port);
        if (i % 4 === 1) socket.write(i < 4 ? HELLO : 'GET /derp HT');
        if (i % 4 === 2) socket.write(`${UPGRADE}\r\n`);
        if (i % 4 === 3) socket.write(`${UPGRADE}Derp-Fast-Start: 1\r\n\r\n\x02\0\0\x04\0`);
        await mustClose(socket, `silence at step ${i}`);
      }),
    );
  },
};

export const drip: Fault = {
  name: 'one byte at a time',
  load: 'a login whose bytes come one by one, which is to work all the same',
  async strike(target) {
    const socket = await openTls(target.port);
    const client = new RawClient(socket);
    for (const byte of fastStart(target, client)) client.write(Buffer.of(byte));
    await client.nextOf(FrameType.ServerInfo, PATIENCE);
    await client[Symbol.asyncDispose]();
  },
};

export const stunNoise: Fault = {
  name: 'STUN noise',
  load: '200 changed STUN datagrams; right requests among them are answered',
  async strike(target, random) {
    if (target.stunPort < 0) return;
    const socket = createSocket('udp4').on('error', () => {});
    try {
      socket.connect(target.stunPort, '127.0.0.1');
      await once(socket, 'connect');
      const request = encodeBindingRequest(random.bytes(12));
      for (let i = 0; i < 200; i++) socket.send(mutateBytes(random, request), () => {});
      // Datagrams may be lost, and so may answers over the limit; but not all of them.
      for (let tries = 0; ; tries++) {
        const heard = once(socket, 'message').then(() => true);
        socket.send(request, () => {});
        if (await Promise.race([heard, delay(300, false)])) return;
        if (tries === 40) throw new RelayFault('STUN noise: right requests are not answered any more');
      }
    } finally {
      socket.close();
    }
  },
};

export const visitors: Fault = {
  name: 'coming and going',
  load: 'five clients log in by both ways, send each other ten packets, and leave in good order',
  async strike(target) {
    const clients = await Promise.all(
      Array.from({ length: 5 }, (_, i) => enter(target, i % 2 === 0 ? 'fast-start' : 'upgrade')),
    );
    for (const [i, client] of clients.entries()) {
      const next = clients[(i + 1) % clients.length]!;
      for (let k = 0; k < 10; k++) client.sendPacket(next.publicKey, Buffer.alloc(500));
    }
    for (const client of clients) await client.until(() => client.all(FrameType.RecvPacket).length === 10, PATIENCE);
    for (const client of clients) client.socket.end();
    for (const client of clients) await client.untilClosed(PATIENCE);
  },
};
