import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../src/relay/sessions/token-bucket.ts';

describe('a token bucket', () => {
  /** How many of `tries` at `now` succeed. */
  const take = (bucket: TokenBucket, tries: number, now: number) =>
    Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;

  it('allows its burst at once, then its rate', () => {
    const bucket = new TokenBucket(2, 3, 1000);
    expect(take(bucket, 10, 1000)).toBe(3);
    expect(take(bucket, 10, 1499)).toBe(0);
    expect(take(bucket, 10, 1500)).toBe(1);
    expect(take(bucket, 10, 2500)).toBe(2);
  });

  it('fills up to its burst only', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect(take(bucket, 10, 0)).toBe(3);
    expect(take(bucket, 10, 3_600_000)).toBe(3);
  });

  it('keeps part of a token for the next time', () => {
    const bucket = new TokenBucket(1, 1, 0);
    expect(take(bucket, 1, 0)).toBe(1);
    for (const now of [250, 500, 750]) expect(take(bucket, 1, now)).toBe(0);
    expect(take(bucket, 1, 1000)).toBe(1);
  });

  it('neither takes tokens away nor gives any when the clock is set back, and goes on from there', () => {
    const bucket = new TokenBucket(1, 2, 100_000);
    expect(take(bucket, 1, 100_000)).toBe(1);
    expect(take(bucket, 5, 50_000)).toBe(1);
    expect(take(bucket, 5, 50_999)).toBe(0);
    expect(take(bucket, 5, 51_000)).toBe(1);
  });

  it('never allows more than burst and rate together, in any sequence', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 100 }),
        (perSecond, burst, gaps) => {
          const bucket = new TokenBucket(perSecond, burst, 0);
          let now = 0;
          let taken = 0;
          for (const gap of gaps) {
            now += gap;
            if (bucket.take(now)) taken++;
            expect(taken).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6);
          }
        },
      ),
    );
  });
});
