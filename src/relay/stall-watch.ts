import { performance } from 'node:perf_hooks';
import type { Counters } from './counters.ts';
import { defaults } from './defaults.ts';

/** Parts of the hour that is remembered. */
const MINUTES = 60;
const MINUTE_MS = 60_000;

/**
 * Counts the times that the event loop stood still, when nobody's packets were relayed: by work of our own that took too
 * long, by garbage collection, or because the machine had no processor to give. It does so by a timer that comes late
 * when the loop does; a tick costs microseconds, and what it says is true to within one tick.
 */
export class StallWatch {
  readonly #counters: Counters;
  readonly #timer: NodeJS.Timeout;
  #expected = performance.now() + defaults.stallTick;
  readonly #lastHour = new StallHour();

  constructor(counters: Counters) {
    this.#counters = counters;
    this.#timer = setInterval(() => this.#tick(), defaults.stallTick).unref();
  }

  /** How often, and for how many milliseconds in all, it stood still in the last hour. */
  get lastHour(): { stalls: number; stalled_ms: number } {
    return this.#lastHour.sum(performance.now());
  }

  #tick(): void {
    const now = performance.now();
    const late = now - this.#expected;
    this.#expected = now + defaults.stallTick;
    if (late < defaults.stallTime) return;
    this.#counters.stalls++;
    this.#counters.longestStall = Math.max(this.#counters.longestStall, Math.round(late));
    this.#lastHour.add(late, now);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Stalls by the minute, of which the last hour's are kept. Times are milliseconds of a clock that never goes back. */
export class StallHour {
  /** The minute that each place is about; another one is an hour or more ago. */
  readonly #minutes = new Float64Array(MINUTES).fill(-1);
  readonly #stalls = new Float64Array(MINUTES);
  readonly #milliseconds = new Float64Array(MINUTES);

  add(milliseconds: number, now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    const at = minute % MINUTES;
    if (this.#minutes[at] !== minute) {
      this.#minutes[at] = minute;
      this.#stalls[at] = 0;
      this.#milliseconds[at] = 0;
    }
    this.#stalls[at]!++;
    this.#milliseconds[at]! += milliseconds;
  }

  sum(now: number): { stalls: number; stalled_ms: number } {
    const first = Math.floor(now / MINUTE_MS) - MINUTES + 1;
    let [stalls, stalledMs] = [0, 0];
    for (const [at, minute] of this.#minutes.entries()) {
      if (minute < first) continue;
      stalls += this.#stalls[at]!;
      stalledMs += this.#milliseconds[at]!;
    }
    return { stalls, stalled_ms: Math.round(stalledMs) };
  }
}
