import type { Socket } from 'node:net';

/** What happens on a stream. */
export interface ByteStreamUser {
  /** Bytes came in; they belong to the user. */
  onBytes(bytes: Buffer): void;
  /** Everything written has been handed to the system. */
  onDrain(): void;
  /** It is over, with an error or without; called once. */
  onEnd(cause: unknown): void;
}

/** A two-way stream of bytes to a relay, whatever carries it. */
export interface ByteStream {
  /** Bytes written that the system has not taken yet. */
  readonly unsent: number;
  /** Starts delivering. */
  start(user: ByteStreamUser): void;
  write(bytes: Buffer): void;
  /** Closes after what was written has been sent. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** A stream over a TCP or TLS socket. All that is written in one turn of the event loop goes out together. */
export class SocketStream implements ByteStream {
  readonly #socket: Socket;
  readonly #early: Buffer;
  #corked = false;

  /** @param early bytes that were already read from the socket; they are delivered first */
  constructor(socket: Socket, early: Buffer = Buffer.alloc(0)) {
    this.#socket = socket;
    this.#early = early;
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  start(user: ByteStreamUser): void {
    let cause: unknown;
    this.#socket.on('error', (error) => {
      cause = error;
    });
    this.#socket.on('close', () => user.onEnd(cause));
    this.#socket.on('drain', () => user.onDrain());
    if (this.#early.length > 0) user.onBytes(this.#early);
    this.#socket.on('data', (chunk: Buffer) => user.onBytes(chunk));
    this.#socket.resume();
  }

  write(bytes: Buffer): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
