import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Longest handshake that is kept, in bytes; chains take a few thousand. */
const MAX_KEPT = 128 << 10;

/**
 * A byte stream over a TCP connection that keeps a copy of what comes in, for TLS to run on while its handshake is
 * looked at. TLS then goes through JavaScript for every chunk, for as long as the connection lasts.
 */
export class Tap extends Duplex {
  readonly #socket: Socket;
  #kept: Buffer[] | undefined = [];
  #size = 0;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#keep(chunk);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** What has come in since the beginning, once; keeps nothing from here on. */
  takeKept(): Buffer {
    const kept = Buffer.concat(this.#kept ?? []);
    this.#kept = undefined;
    return kept;
  }

  #keep(chunk: Buffer): void {
    if (!this.#kept || this.#size > MAX_KEPT) return;
    this.#kept.push(chunk);
    this.#size += chunk.length;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    for (const [i, { chunk }] of chunks.entries()) {
      if (i < chunks.length - 1) this.#socket.write(chunk);
      else this.#socket.write(chunk, done);
    }
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
