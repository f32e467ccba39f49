import { performance } from 'node:perf_hooks';
import type { Counters } from './counters.ts';
import { defaults } from './defaults.ts';

/**
 * Counts the times that the event loop stood still, when nobody's packets were relayed: by work of our own that took too
 * long, by garbage collection, or because the machine had no processor to give. It does so by a timer that comes late
 * when the loop does; a tick costs microseconds, and what it says is true to within one tick.
 */
export class StallWatch {
  readonly #counters: Counters;
  readonly #timer: NodeJS.Timeout;
  #expected = performance.now() + defaults.stallTick;

  constructor(counters: Counters) {
    this.#counters = counters;
    this.#timer = setInterval(() => this.#tick(), defaults.stallTick).unref();
  }

  #tick(): void {
    const now = performance.now();
    const late = now - this.#expected;
    this.#expected = now + defaults.stallTick;
    if (late < defaults.stallTime) return;
    this.#counters.stalls++;
    this.#counters.longestStall = Math.max(this.#counters.longestStall, Math.round(late));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
