import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import { FRAME_HEADER_LENGTH, MAX_CLIENT_INFO_LENGTH } from '../../protocol/frame-types.ts';
import type { RelayConfig } from '../config.ts';
import type { LoginWay } from '../counters.ts';
import { defaults } from '../defaults.ts';
import { Session } from '../sessions/session.ts';
import type { SessionContext } from '../sessions/session-context.ts';
import { type ReadMode, SocketTransport } from '../transport/socket-transport.ts';
import type { Transport } from '../transport/transport.ts';
import { WebSocketTransport } from '../transport/web-socket-transport.ts';
import type { Challenges } from './challenges.ts';
import { Door } from './door.ts';
import type { Endpoint } from './endpoint.ts';
import { readFirstRequest, type UpgradeRequest } from './first-request.ts';
import { createLimitedHttpServer, headerOf, refuse } from './http-server.ts';
import { type PageContext, servePage } from './pages.ts';
import { tlsOptions } from './tls-options.ts';
import { switchingProtocols, upgradeKind } from './upgrade.ts';

const NOTHING = Buffer.alloc(0);

/** When a connection that node:http serves is closed. Its own limits only work in a server that listens itself. */
interface HttpDeadlines {
  /** Unless the first request head has come. */
  readonly head: NodeJS.Timeout;
  /** Whatever it does. */
  readonly whole: NodeJS.Timeout;
}
const httpDeadlines = new WeakMap<Duplex, HttpDeadlines>();

/** How a client comes in. */
interface Login {
  readonly way: LoginWay;
  readonly idealNode: string;
}

/** What the front needs to know. */
export interface FrontOptions {
  readonly config: RelayConfig;
  readonly context: SessionContext;
  readonly pages: PageContext;
  /** Chain with the meta certificate, and key; null for plain HTTP. */
  readonly credentials: SecureContextOptions | null;
  /** Answers ACME challenges, where that is wanted. */
  readonly challenges: Challenges | undefined;
  /** Whether connections from this address are taken. */
  readonly admits: (address: string) => boolean;
  readonly readMode: ReadMode;
}

/**
 * The DERP port: takes connections, ends TLS, and makes each one a DERP session (by plain upgrade, fast start or
 * WebSocket) or an HTTP page.
 *
 * A connection's way: the door (address lists, limits, PROXY header) → (ACME challenge) → TLS → first request → session,
 * or node:http for all else.
 */
export class Front {
  readonly server: TcpServer;
  readonly #options: FrontOptions;
  readonly #tls: TlsServer | undefined;
  readonly #http: HttpServer;
  readonly #webSockets: WebSocketServer;
  readonly #door: Door;
  readonly #answer101: Buffer;

  constructor(options: FrontOptions) {
    this.#options = options;
    const { config, context, credentials } = options;
    this.#answer101 = switchingProtocols(context.keyPair.publicKey);
    const { counters, noise } = context;
    const challenges = credentials === null ? undefined : options.challenges?.alpn;
    this.#door = new Door({ config, counters, noise, admits: options.admits, challenges }, (socket) =>
      this.#secure(socket),
    );
    this.server = createTcpServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: config.tcpKeepAliveMs },
      (socket) => this.#door.accept(socket),
    );
    this.#tls = credentials === null ? undefined : this.#createTls(credentials);
    this.#http = this.#createHttp();
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // A message carries a piece of the byte stream; no client has reason to send more than the longest frame at once.
      maxPayload: MAX_CLIENT_INFO_LENGTH + FRAME_HEADER_LENGTH,
      handleProtocols: (offered) => (offered.has('derp') ? 'derp' : false),
    });
  }

  /** Uses other credentials for new connections; those that are open keep theirs. */
  setCredentials(credentials: SecureContextOptions): void {
    this.#tls?.setSecureContext({ ...tlsOptions, ...credentials });
  }

  /** Stops taking connections; those that are open stay. */
  stopListening(): void {
    this.server.close();
  }

  /** Closes every connection that is still open. */
  destroyConnections(): void {
    this.#door.destroyConnections();
  }

  #secure(socket: Socket): void {
    const tls = this.#tls;
    if (tls === undefined) {
      this.#readFirstRequest(socket);
      return;
    }
    const challenges = this.#options.challenges?.alpn;
    if (challenges?.pending) challenges.accept(socket, (ready) => tls.emit('connection', ready));
    else tls.emit('connection', socket);
  }

  #createTls(credentials: SecureContextOptions): TlsServer {
    const { noise } = this.#options.context;
    const server = createTlsServer({ ...tlsOptions, ...credentials, handshakeTimeout: defaults.loginStepTimeout });
    server.on('secureConnection', (socket) => this.#readFirstRequest(socket));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      noise.count(error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? 'handshake_timeout' : 'tls_handshake_failed');
      socket.destroy();
    });
    return server;
  }

  #readFirstRequest(socket: Socket): void {
    socket.on('error', () => {});
    const deadline = setTimeout(() => {
      this.#options.context.noise.count('http_timeout');
      socket.destroy();
    }, defaults.loginStepTimeout);
    const onClose = () => clearTimeout(deadline);
    socket.once('close', onClose);
    socket.once('data', (chunk: Buffer) => {
      clearTimeout(deadline);
      socket.off('close', onClose);
      // Whose a proxy's request is stands in headers that a plain one does not have.
      const mayBePlain = this.#options.config.derp && !this.#door.isForwarded(socket);
      const request = mayBePlain ? readFirstRequest(chunk) : undefined;
      if (request === undefined) {
        this.#toHttp(socket, chunk);
        return;
      }
      const { fastStart, idealNode, end } = request;
      const client = this.#door.clientOf(socket);
      this.#startSocketSession(socket, client, { fastStart, idealNode }, chunk.subarray(end));
    });
    // A connection whose PROXY header has been read was paused, and a new listener alone does not end that.
    socket.resume();
  }

  /** Hands a connection and what was read of it to node:http, for a limited time. */
  #toHttp(socket: Socket, chunk: Buffer): void {
    const head = setTimeout(() => {
      this.#options.context.noise.count('http_timeout');
      socket.destroy();
    }, defaults.loginStepTimeout).unref();
    const whole = setTimeout(() => socket.destroy(), defaults.httpConnectionTimeout).unref();
    socket.once('close', () => {
      clearTimeout(head);
      clearTimeout(whole);
    });
    httpDeadlines.set(socket, { head, whole });
    socket.pause();
    socket.unshift(chunk);
    this.#http.emit('connection', socket);
    socket.resume();
  }

  #createHttp(): HttpServer {
    const { pages, context } = this.#options;
    const server = createLimitedHttpServer(context.noise);
    server.on('request', (request, response) => {
      clearTimeout(httpDeadlines.get(request.socket)?.head);
      const client = this.#door.clientOfRequest(request.socket, request.headers);
      const refusal = client === undefined ? 400 : this.#door.admitsRequest(request.socket, client) ? undefined : 403;
      if (client === undefined || refusal !== undefined) {
        response.writeHead(refusal ?? 400, { Connection: 'close' }).end();
        return;
      }
      const { address } = client;
      try {
        servePage(pages, request, response, address);
      } catch (error) {
        // As in a session: a mistake of ours ends one connection, not the relay.
        context.counters.internalErrors++;
        context.log.error('internal_error', { address, problem: error instanceof Error ? error.stack : String(error) });
        request.socket.destroy();
      }
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    return server;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const path = (request.url ?? '').split('?', 1)[0];
    const kind = upgradeKind(request.headers.upgrade, headerOf(request, 'sec-websocket-protocol'));
    if (path !== '/derp' || !this.#options.config.derp) {
      refuse(socket, 404);
      return;
    }
    if (kind === 'unknown') {
      refuse(socket, 426, 'Upgrade: DERP\r\n');
      return;
    }
    const client = this.#door.clientOfRequest(socket, request.headers);
    if (client === undefined || !this.#door.admitsRequest(socket, client)) {
      refuse(socket, client === undefined ? 400 : 403);
      return;
    }
    if (!this.#door.takeOver(socket, client)) return;
    const deadlines = httpDeadlines.get(socket);
    clearTimeout(deadlines?.head);
    clearTimeout(deadlines?.whole);
    const idealNode = headerOf(request, 'ideal-node');
    if (kind === 'derp') {
      const fastStart = headerOf(request, 'derp-fast-start') === '1';
      this.#startSocketSession(socket, client, { fastStart, idealNode }, Buffer.from(head));
      return;
    }
    this.#webSockets.handleUpgrade(request, socket as Duplex, head, (webSocket) => {
      webSocket.on('error', () => this.#options.context.noise.count('bad_frame'));
      const transport = new WebSocketTransport(webSocket);
      this.#startSession(transport, socket, client, { way: 'websocket', idealNode }, NOTHING, NOTHING);
    });
  }

  #startSocketSession(socket: Socket, client: Endpoint, request: UpgradeRequest, early: Buffer): void {
    const { fastStart, idealNode } = request;
    const transport = new SocketTransport(socket, this.#options.readMode);
    const login: Login = { way: fastStart ? 'fast_start' : 'upgrade', idealNode };
    this.#startSession(transport, socket, client, login, fastStart ? NOTHING : this.#answer101, early);
  }

  #startSession(
    transport: Transport,
    socket: Socket,
    { address, port }: Endpoint,
    login: Login,
    answer: Buffer,
    early: Buffer,
  ): void {
    const origin = { address, port, ...login, loggedIn: () => this.#door.loggedIn(socket) };
    new Session(this.#options.context, transport, origin).start(answer, early);
  }
}
