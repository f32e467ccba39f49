/**
 * Random numbers that a seed brings back: sfc32 of PractRand, 128 bits of state, some nanoseconds a number.
 * What is found with a seed is found with it again, on any machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = stream | 0;
    // Seeds that differ in one bit must not begin alike.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** 32 random bits, as an integer from 0. */
  next(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** An integer from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** Mostly small, sometimes large: lengths as they are interesting. */
  length(most: number): number {
    return this.below(1 + this.below(1 + this.below(most + 1)));
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let i = 0;
    for (; i + 4 <= length; i += 4) bytes.writeUInt32LE(this.next(), i);
    for (; i < length; i++) bytes[i] = this.next();
    return bytes;
  }
}

/** A number for a text or some bytes (FNV-1a): for seeds and file names, not for secrets. */
export function hashOf(data: string | Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < data.length; i++) {
    hash = Math.imul(hash ^ (typeof data === 'string' ? data.charCodeAt(i) : data[i]!), 0x01000193);
  }
  return hash >>> 0;
}
