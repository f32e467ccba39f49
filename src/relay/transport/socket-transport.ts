import type { Socket } from 'node:net';
import { shareReads, unsentBytes } from './shared-read.ts';
import type { Transport, TransportUser } from './transport.ts';

/** How a socket is read: into the buffer shared by all, or by 'data' events where that cannot be had. */
export type ReadMode = 'shared' | 'events';

/** A TLS or TCP socket as a transport. */
export class SocketTransport implements Transport {
  readonly #socket: Socket;
  readonly #mode: ReadMode;
  #user: TransportUser | undefined = undefined;
  readonly #onWritten = () => this.#user?.written();

  constructor(socket: Socket, mode: ReadMode) {
    this.#socket = socket;
    this.#mode = mode;
  }

  start(user: TransportUser): void {
    this.#user = user;
    const socket = this.#socket;
    socket.on('close', () => user.closed());
    if (this.#mode !== 'shared' || !shareReads(socket, (bytes, start, end) => user.receive(bytes, start, end))) {
      socket.on('data', (chunk: Buffer) => user.receive(chunk, 0, chunk.length));
    }
    socket.resume();
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes, this.#onWritten);
  }

  unsent(): number {
    return unsentBytes(this.#socket);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
