import { defaults } from '../defaults.ts';

/** Buffers of a few fixed sizes, used again and again, so that relaying allocates nothing while traffic is steady. */
export class BufferPool {
  readonly #sizes: readonly number[];
  readonly #free: Buffer[][];
  readonly #keep: readonly number[];
  /** Bytes handed out and not yet given back. */
  outstanding = 0;

  /** @param sizes ascending @param freeBytes what may lie idle of each size */
  constructor(sizes: readonly number[] = defaults.batchBufferSizes, freeBytes: number = defaults.freeBatchBytes) {
    this.#sizes = sizes;
    this.#free = sizes.map(() => []);
    this.#keep = sizes.map((size) => Math.max(1, Math.floor(freeBytes / size)));
  }

  /** The smallest pooled size that holds `size` bytes; `size` itself above the largest. */
  sizeFor(size: number): number {
    for (const pooled of this.#sizes) if (pooled >= size) return pooled;
    return size;
  }

  /** The largest pooled size. */
  get largest(): number {
    return this.#sizes[this.#sizes.length - 1]!;
  }

  /** A buffer of at least `size` bytes, its contents undefined. */
  take(size: number): Buffer {
    for (let i = 0; i < this.#sizes.length; i++) {
      const pooled = this.#sizes[i]!;
      if (pooled >= size) {
        this.outstanding += pooled;
        return this.#free[i]!.pop() ?? Buffer.allocUnsafeSlow(pooled);
      }
    }
    this.outstanding += size;
    return Buffer.allocUnsafeSlow(size);
  }

  /** Takes back a buffer; the giver must not touch it again. */
  give(buffer: Buffer): void {
    this.outstanding -= buffer.length;
    const i = this.#sizes.indexOf(buffer.length);
    if (i < 0) return;
    const free = this.#free[i]!;
    if (free.length < this.#keep[i]!) free.push(buffer);
  }

  /** Counts a buffer as given back without using it again, because something else may still read from it. */
  forget(buffer: Buffer): void {
    this.outstanding -= buffer.length;
  }
}
