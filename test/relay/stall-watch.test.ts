import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { Counters } from '../../src/relay/counters.ts';
import { StallWatch } from '../../src/relay/stall-watch.ts';

let watch: StallWatch | undefined;
afterEach(() => watch?.stop());

/** Holds up the event loop. */
function standStill(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

/** Lets the loop turn a few times, so that the watch ticks. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 60));

describe('StallWatch', () => {
  it('counts each time that the event loop stood still, and the longest', async () => {
    const counters = new Counters();
    watch = new StallWatch(counters);
    for (const milliseconds of [150, 300, 90]) {
      await turn();
      const before = counters.stalls;
      standStill(milliseconds);
      await turn();
      // A busy machine may add stalls of its own.
      expect(counters.stalls).toBeGreaterThan(before);
    }
    expect(counters.longestStall).toBeGreaterThanOrEqual(275);
    const { stalls, longestStall } = counters;
    expect(counters.snapshot().event_loop).toEqual({ stalls, longest_stall_ms: longestStall });
  });

  it('counts nothing when it has been stopped', async () => {
    const counters = new Counters();
    watch = new StallWatch(counters);
    watch.stop();
    standStill(100);
    await turn();
    expect(counters.stalls).toBe(0);
  });
});
