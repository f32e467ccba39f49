import { performance } from 'node:perf_hooks';
import { defaults } from '../defaults.ts';

/** Something that has bytes to write at the end of the turn. */
export interface Flushable {
  flush(): void;
}

/** A sender that is not being read for a moment. */
export interface PausedSender {
  resumeAfterPushBack(): void;
}

/**
 * One turn of the event loop: what was read in it is written at its end, one write for each destination. Also knows
 * whether the relay is saturated, which is when senders are worth slowing down.
 */
export class Turn {
  #dirty: Flushable[] = [];
  #flushing: Flushable[] = [];
  #startedAt = 0;
  #busy = 0;
  #windowStart = performance.now();
  #paused: { sender: PausedSender; until: number }[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Whether relaying took up most of the last window. */
  saturated = false;

  readonly #flush = () => this.#flushAll();

  /** Has `flushable` flushed at the end of this turn; call once a turn for each. */
  schedule(flushable: Flushable): void {
    if (this.#dirty.push(flushable) === 1) {
      this.#startedAt = performance.now();
      setImmediate(this.#flush);
    }
  }

  #flushAll(): void {
    const flushing = this.#dirty;
    this.#dirty = this.#flushing;
    this.#flushing = flushing;
    for (let i = 0; i < flushing.length; i++) flushing[i]!.flush();
    flushing.length = 0;
    const now = performance.now();
    this.#busy += now - this.#startedAt;
    const window = now - this.#windowStart;
    if (window >= defaults.saturationWindow) {
      this.saturated = this.#busy > window * defaults.saturatedShare;
      this.#busy = 0;
      this.#windowStart = now;
    }
  }

  /** Has a paused sender resumed after the longest push-back time, unless it was resumed before. */
  resumeLater(sender: PausedSender): void {
    this.#paused.push({ sender, until: performance.now() + defaults.pushBackTime });
    this.#timer ??= setTimeout(() => this.#resumeDue(), defaults.pushBackTime);
  }

  #resumeDue(): void {
    const now = performance.now();
    let due = 0;
    while (due < this.#paused.length && this.#paused[due]!.until <= now) due++;
    const resumed = this.#paused.splice(0, due);
    for (const { sender } of resumed) sender.resumeAfterPushBack();
    const next = this.#paused[0];
    this.#timer =
      next === undefined ? undefined : setTimeout(() => this.#resumeDue(), Math.max(1, Math.ceil(next.until - now)));
  }

  /** Forgets all that is pending; for when the relay has stopped. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#paused = [];
  }
}
