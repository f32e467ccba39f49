/** How fast one client may send: what derper calls its per-client rate limit. */
import { KEY_LENGTH, MAX_PACKET_LENGTH } from '../../protocol/frame-types.ts';

/** The longest frame that a client sends once it is in, without its header. Source: `derpserver`, minRateLimitTokenBucketSize. */
const LONGEST_FRAME = KEY_LENGTH + MAX_PACKET_LENGTH;

/** What one client may send, in bytes of frames: so many a second on average, and so many at once. */
export interface ClientRate {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}

/** The rate with a burst that lets the longest frame pass, below which a client could be stuck for ever. Derper does the same. */
export function effectiveRate({ bytesPerSecond, burstBytes }: ClientRate): ClientRate {
  return { bytesPerSecond, burstBytes: Math.max(burstBytes, LONGEST_FRAME) };
}

/**
 * What is left of one client's rate. Bytes are counted when they have been read, so it can be overdrawn; whoever has
 * overdrawn is not read until that is made up for, and TCP slows the sender down. Nothing is dropped.
 */
export class ReceiveBudget {
  #rate: ClientRate;
  #bytes: number;
  #at: number;

  /** @param now milliseconds, of any clock that never goes back */
  constructor(rate: ClientRate, now: number) {
    this.#rate = effectiveRate(rate);
    this.#bytes = this.#rate.burstBytes;
    this.#at = now;
  }

  /** Takes `bytes`, and says for how many milliseconds the client must not be read now. */
  take(bytes: number, now: number): number {
    this.#earn(now);
    this.#bytes -= bytes;
    return this.#bytes >= 0 ? 0 : (-this.#bytes / this.#rate.bytesPerSecond) * 1000;
  }

  /** Another rate from now on. What was overdrawn is still to be made up for, at the new rate. */
  change(rate: ClientRate, now: number): void {
    this.#earn(now);
    this.#rate = effectiveRate(rate);
    this.#bytes = Math.min(this.#bytes, this.#rate.burstBytes);
  }

  #earn(now: number): void {
    const earned = ((now - this.#at) / 1000) * this.#rate.bytesPerSecond;
    this.#bytes = Math.min(this.#rate.burstBytes, this.#bytes + earned);
    this.#at = now;
  }
}
