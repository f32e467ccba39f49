/** DERP over WebSocket, as Tailscale's clients in browsers use it: subprotocol `derp`, binary messages, no compression. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ByteStream, ByteStreamUser } from './byte-stream.ts';
import { DerpClientError } from './errors.ts';
import { authorityOf, refusedBy } from './http-upgrade.ts';
import { waitFor } from './wait.ts';

/** Longest message taken, in bytes; a relay sends no more than a few frames in one. */
const MAX_MESSAGE = 1 << 20;

/**
 * Opens a WebSocket to `/derp` over a connection that is already there (TCP, or TLS whose certificate was judged).
 * @throws DerpClientError http, when the answer is not that WebSocket
 */
export async function openWebSocket(
  socket: Socket,
  where: { host: string; port: number; tls: boolean },
  signal: AbortSignal,
): Promise<ByteStream> {
  const webSocket = new WebSocket(`ws://${authorityOf(where.host, where.port, where.tls)}/derp`, 'derp', {
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE,
    // Without a port in the URL, ws would name port 80's default; the header says what a browser would say.
    headers: { Host: authorityOf(where.host, where.port, where.tls) },
  });
  await waitFor<void>(signal, (resolve, reject) => {
    let opened = false;
    webSocket.once('open', () => {
      opened = true;
      // Nothing is read before somebody listens.
      webSocket.pause();
      resolve();
    });
    webSocket.once('unexpected-response', (_request, response: IncomingMessage) => {
      reject(
        refusedBy(response.statusCode ?? 0, new Map(Object.entries(response.headers).map(([k, v]) => [k, `${v}`]))),
      );
      response.destroy();
    });
    webSocket.on('error', (cause) => {
      const message = `no WebSocket to the relay: ${cause.message}`;
      reject(new DerpClientError('http', message, { step: 'http', cause }));
    });
    return () => {
      if (!opened) webSocket.terminate();
    };
  });
  return new WebSocketStream(webSocket);
}

class WebSocketStream implements ByteStream {
  readonly #webSocket: WebSocket;
  #onSent: () => void = () => {};

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
  }

  get unsent(): number {
    return this.#webSocket.bufferedAmount;
  }

  start(user: ByteStreamUser): void {
    let cause: unknown;
    this.#onSent = () => {
      if (this.#webSocket.bufferedAmount === 0) user.onDrain();
    };
    this.#webSocket.on('error', (error) => {
      cause = error;
    });
    this.#webSocket.on('close', () => user.onEnd(cause));
    this.#webSocket.on('message', (data) => user.onBytes(data as Buffer));
    this.#webSocket.resume();
  }

  write(bytes: Buffer): void {
    this.#webSocket.send(bytes, { binary: true }, this.#onSent);
  }

  end(): void {
    this.#webSocket.close(1000);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }
}
