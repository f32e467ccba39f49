import type { WebSocket } from 'ws';
import type { Transport, TransportUser } from './transport.ts';

/** Tailscale's clients refuse a message of more than 32,768 bytes (the default of the library they use). */
const MAX_MESSAGE = 16_384;

/** A WebSocket whose binary messages carry the byte stream; frames may span messages. */
export class WebSocketTransport implements Transport {
  readonly #webSocket: WebSocket;
  #user: TransportUser | undefined = undefined;
  readonly #onWritten = () => this.#user?.written();

  constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
  }

  start(user: TransportUser): void {
    this.#user = user;
    const webSocket = this.#webSocket;
    webSocket.on('close', () => user.closed());
    webSocket.on('message', (data, isBinary) => {
      if (!isBinary) {
        // 1003: "unsupported data", RFC 6455 section 7.4.1.
        webSocket.close(1003, 'binary messages only');
        return;
      }
      const bytes = data as Buffer;
      user.receive(bytes, 0, bytes.length);
    });
  }

  write(bytes: Buffer): void {
    const options = { binary: true, compress: false };
    let start = 0;
    for (; bytes.length - start > MAX_MESSAGE; start += MAX_MESSAGE) {
      this.#webSocket.send(bytes.subarray(start, start + MAX_MESSAGE), options);
    }
    this.#webSocket.send(bytes.subarray(start), options, this.#onWritten);
  }

  unsent(): number {
    return this.#webSocket.bufferedAmount;
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  end(): void {
    this.#webSocket.close(1001, 'restarting');
  }

  destroy(): void {
    this.#webSocket.terminate();
  }
}
