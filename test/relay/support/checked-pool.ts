import { BufferPool } from '../../../src/relay/queues/buffer-pool.ts';

/**
 * A pool that spoils what is given back, so that whoever reads it afterwards reads rubbish, and that refuses a buffer
 * which it did not hand out or which was given back before.
 */
export class CheckedPool extends BufferPool {
  readonly #out = new Set<Buffer>();

  override take(size: number): Buffer {
    const buffer = super.take(size);
    this.#out.add(buffer.fill(0xdd));
    return buffer;
  }

  override give(buffer: Buffer): void {
    this.#check(buffer);
    super.give(buffer.fill(0xee));
  }

  override forget(buffer: Buffer): void {
    this.#check(buffer);
    super.forget(buffer);
  }

  #check(buffer: Buffer): void {
    if (!this.#out.delete(buffer)) throw new Error('a buffer was given back that is not out');
  }
}
