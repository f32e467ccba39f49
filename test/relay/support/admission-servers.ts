/** Servers that are asked who may use a relay. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { formatPublicKey } from '../../../src/protocol/keys.ts';

/** Listens at a unix socket until it is disposed of, which ends every connection and removes the socket. May be disposed of twice. */
export async function listenAtSocket(server: Server, path: string): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      rmSync(path, { force: true });
    },
  };
}

/** Somebody who plays tailscaled's local API. The real one is asked in test/interop/admission.test.ts. */
export class FakeTailscaled {
  /** The keys of the tailnet's nodes, this machine's own not among them, as in Tailscale 1.84. */
  readonly nodes = new Set<string>();
  ownKey = `nodekey:${'0'.repeat(64)}`;
  state = 'Running';
  /** Every request's path, in order. */
  readonly asked: string[] = [];
  /** Instead of the usual answer, when it returns true. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  /** The most connections that were open at a time. */
  connectionsAtOnce = 0;
  #open = 0;

  /** Starts to listen. */
  listen(path: string): Promise<AsyncDisposable> {
    const server = createServer((request, response) => this.#answer(request, response));
    server.on('connection', (socket) => {
      this.connectionsAtOnce = Math.max(this.connectionsAtOnce, ++this.#open);
      socket.on('close', () => this.#open--);
    });
    return listenAtSocket(server, path);
  }

  add(key: Buffer): void {
    this.nodes.add(formatPublicKey(key));
  }

  get whoIsQuestions(): string[] {
    return this.asked.filter((path) => path.startsWith('/localapi/v0/whois?'));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(request.url ?? '');
    if (this.instead(request, response)) return;
    if (request.headers.host !== 'local-tailscaled.sock') {
      response.writeHead(403).end('invalid localapi request\n');
      return;
    }
    const url = new URL(request.url ?? '', 'http://local-tailscaled.sock');
    if (url.pathname === '/localapi/v0/status') {
      const known = this.state === 'Running';
      const body = {
        BackendState: this.state,
        Self: { PublicKey: this.ownKey },
        CurrentTailnet: known ? { Name: 'test' } : null,
      };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      return;
    }
    const key = url.searchParams.get('addr') ?? '';
    if (url.pathname !== '/localapi/v0/whois' || !this.nodes.has(key) || this.state !== 'Running') {
      response.writeHead(404).end('no match for IP:port\n');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ Node: { Key: key, Name: 'n1.' }, UserProfile: {}, CapMap: {} }));
  }
}

/** A question as an admission URL gets it. */
export interface UrlQuestion {
  readonly method: string;
  readonly path: string;
  readonly type: string | undefined;
  readonly body: unknown;
}

/** A handler that keeps every question and has `answer` reply to it. */
export function admissionController(
  answer: (response: ServerResponse, question: UrlQuestion, count: number) => void,
): RequestListener & { questions: UrlQuestion[] } {
  const questions: UrlQuestion[] = [];
  const handler = async (request: IncomingMessage, response: ServerResponse) => {
    const question = {
      method: request.method ?? '',
      path: request.url ?? '',
      type: request.headers['content-type'],
      body: JSON.parse((await buffer(request)).toString()),
    };
    questions.push(question);
    answer(response, question, questions.length);
  };
  return Object.assign(handler, { questions });
}

/** Answers as derper's admission controllers do. */
export function allow(response: ServerResponse, yes: boolean): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ Allow: yes }));
}
