import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMs, summarize } from '../../src/probe/latency.ts';

describe('summarize', () => {
  it('finds least, middle and most', () => {
    expect(summarize([5, 1, 30])).toEqual({ minMs: 1, medianMs: 5, maxMs: 30 });
    expect(summarize([4, 2, 10, 8])).toEqual({ minMs: 2, medianMs: 6, maxMs: 10 });
    expect(summarize([7])).toEqual({ minMs: 7, medianMs: 7, maxMs: 7 });
    expect(summarize([])).toEqual({ minMs: undefined, medianMs: undefined, maxMs: undefined });
  });

  it('has half of the times on either side of the middle, and leaves its input alone', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 1 }), (times) => {
        const before = [...times];
        const { minMs, medianMs, maxMs } = summarize(times);
        expect(times).toEqual(before);
        expect([minMs, maxMs]).toEqual([Math.min(...times), Math.max(...times)]);
        const half = times.length / 2;
        expect(times.filter((time) => time < medianMs!).length).toBeLessThanOrEqual(half);
        expect(times.filter((time) => time > medianMs!).length).toBeLessThanOrEqual(half);
      }),
    );
  });
});

it.each([
  [0.1234, '0.12 ms'],
  [3.14, '3.1 ms'],
  [184.4, '184 ms'],
  [undefined, '–'],
])('formatMs writes %s as %s', (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});
