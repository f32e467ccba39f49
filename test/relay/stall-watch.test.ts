import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { Counters } from '../../src/relay/counters.ts';
import { StallHour, StallWatch } from '../../src/relay/stall-watch.ts';
import { startTestRelay } from './support/test-relay.ts';

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
    // All of them were just now.
    expect(watch.lastHour.stalls).toBe(stalls);
    expect(watch.lastHour.stalled_ms).toBeGreaterThanOrEqual(longestStall);
  });

  it('is told by the relay', async () => {
    await using server = await startTestRelay();
    expect(server.relay.snapshot().event_loop).toEqual({
      stalls: expect.any(Number),
      longest_stall_ms: expect.any(Number),
      last_hour: { stalls: expect.any(Number), stalled_ms: expect.any(Number) },
    });
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

describe('StallHour', () => {
  const minute = 60_000;

  it('sums up what was within the last hour, by the minute', () => {
    const hour = new StallHour();
    hour.add(60, 10);
    hour.add(100.4, 30 * minute);
    hour.add(100.4, 30 * minute + 500);
    expect(hour.sum(31 * minute)).toEqual({ stalls: 3, stalled_ms: 261 });
    // The first minute is over an hour ago.
    expect(hour.sum(60 * minute)).toEqual({ stalls: 2, stalled_ms: 201 });
    expect(hour.sum(90 * minute)).toEqual({ stalls: 0, stalled_ms: 0 });
  });

  it('forgets an earlier hour in the place of the same minute', () => {
    const hour = new StallHour();
    hour.add(500, 5 * minute);
    hour.add(70, 65 * minute);
    expect(hour.sum(65 * minute)).toEqual({ stalls: 1, stalled_ms: 70 });
    expect(new StallHour().sum(0)).toEqual({ stalls: 0, stalled_ms: 0 });
  });
});
