/** What stands before DERP: the relay reading a request, a client reading the answer. */
import type { IncomingMessage, Server } from 'node:http';
import { Duplex } from 'node:stream';
import { DerpClientError } from '../../../src/client/errors.ts';
import { readUpgradeAnswer } from '../../../src/client/http-upgrade.ts';
import { readFirstRequest } from '../../../src/relay/front/first-request.ts';
import { createLimitedHttpServer, headerOf } from '../../../src/relay/front/http-server.ts';
import { createLog } from '../../../src/relay/log.ts';
import { Noise } from '../../../src/relay/noise.ts';
import { mutateBytes, words } from '../mutate.ts';
import { attempt, type FuzzTarget, promise } from '../target.ts';

/** What node:http, with all its rules, makes of the first bytes of a connection. */
interface Oracle {
  request: IncomingMessage | undefined;
  head: Buffer;
}

/** A connection that only says what it is told to. */
class Silent extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

let server: Server | undefined;
let seen: Oracle = { request: undefined, head: Buffer.alloc(0) };

function askNode(bytes: Buffer): Oracle {
  if (server === undefined) {
    const noise = new Noise(createLog('silent', () => {}));
    noise.stop();
    server = createLimitedHttpServer(noise);
    server.on('upgrade', (request, _socket, head) => {
      seen = { request, head: Buffer.from(head) };
    });
  }
  seen = { request: undefined, head: Buffer.alloc(0) };
  const socket = new Silent();
  socket.on('error', () => {});
  server.emit('connection', socket);
  // Read there and then, not in a later turn.
  socket.emit('data', bytes);
  socket.destroy();
  return seen;
}

const HEAD =
  'GET /derp HTTP/1.1\r\nHost: example.com\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n';
const requests = [
  `${HEAD}\r\n`,
  `${HEAD}Derp-Fast-Start: 1\r\n\r\n\x02\0\0\0\x05hello`,
  `${HEAD}Ideal-Node: 900a\r\nDerp-Fast-Start: 1\r\n\r\n`,
  'GET /derp HTTP/1.1\r\nUpgrade: derp\r\nConnection: upgrade\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));
const requestWords = words(
  ...['\r\n', '\r', '\n', ' ', '\t', ':', ',', '\r\n\r\n', '\0', '\x0b', '\x7f', '\xa0', '1', '0', 'DERP', 'websocket'],
  ...[
    'Upgrade: DERP\r\n',
    'Upgrade: h2c\r\n',
    'Connection: close\r\n',
    'Connection: Upgrade\r\n',
    'Host: a\r\n',
    ' folded\r\n',
  ],
  ...[
    'Derp-Fast-Start: 1\r\n',
    'Derp-Fast-Start: 0\r\n',
    'Ideal-Node: x\r\n',
    'Ideal-Node: \r\n',
    'Ideal-Node:\r\n',
    'Host:\r\n',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding : chunked\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...['GET /derp HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'X: y\r\n', 'Sec-WebSocket-Key: x\r\n'],
).map((word) => Buffer.from(word.toString('utf8'), 'latin1'));

function checkRequest(input: Buffer): boolean {
  const found = readFirstRequest(input);
  if (found === undefined) return false;
  const { request, head } = askNode(input);
  const shown = () => JSON.stringify(input.toString('latin1'));
  // Whoever reads a request otherwise than a proxy in front of it can be told another one behind the proxy's back.
  promise(request !== undefined, () => `node:http refuses what was taken for an upgrade: ${shown()}`);
  promise(request.method === 'GET' && request.url === '/derp', () => `another request: ${shown()}`);
  promise(request.headers.upgrade?.toLowerCase() === 'derp', () => `another upgrade: ${shown()}`);
  promise((headerOf(request, 'derp-fast-start') === '1') === found.fastStart, () => `another fast start: ${shown()}`);
  promise(headerOf(request, 'ideal-node') === found.idealNode, () => `another ideal node: ${shown()}`);
  promise(head.equals(input.subarray(found.end)), () => `another end of the head: ${shown()}`);
  return true;
}

const answers = [
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n' +
    `Derp-Public-Key: ${'ab'.repeat(32)}\r\n\r\n\x01\0\0\0\x28`,
  'HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 400 Bad Request\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));
const answerWords = words(
  '\r\n',
  '\n',
  ':',
  '\r\n\r\n',
  'HTTP/1.1 101\r\n',
  'HTTP/2',
  ' ',
  '101',
  '999',
  'derp-public-key: 00\r\n',
);

export const httpTargets: readonly FuzzTarget[] = [
  {
    name: 'first request',
    share: 8,
    make: (random) => mutateBytes(random, random.pick(requests), { words: requestWords, most: 3000 }),
    check: checkRequest,
  },
  {
    name: 'answer to an upgrade',
    share: 6,
    make: (random) => mutateBytes(random, random.pick(answers), { words: answerWords, most: 20_000 }),
    check: (input) => {
      const whole = attempt(() => readUpgradeAnswer(input), DerpClientError);
      // More bytes may complete an answer, but never change one that was complete.
      const part = attempt(() => readUpgradeAnswer(input.subarray(0, input.length >> 1)), DerpClientError);
      if (part instanceof DerpClientError) promise(whole instanceof DerpClientError, () => 'more bytes made it right');
      if (part !== undefined && !(part instanceof DerpClientError)) {
        promise(
          whole !== undefined && 'length' in whole && whole.length === part.length,
          () => 'more bytes changed it',
        );
      }
      return whole !== undefined && !(whole instanceof DerpClientError);
    },
  },
];
