import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveRate, ReceiveBudget } from '../../../src/relay/limits/client-rate.ts';
import { ClientRateError, parseClientRate } from '../../../src/relay/limits/client-rate-file.ts';

describe('effectiveRate', () => {
  it('lets the longest frame pass', () => {
    expect(effectiveRate({ bytesPerSecond: 10, burstBytes: 0 })).toEqual({ bytesPerSecond: 10, burstBytes: 65_568 });
    expect(effectiveRate({ bytesPerSecond: 10, burstBytes: 70_000 }).burstBytes).toBe(70_000);
  });
});

describe('ReceiveBudget', () => {
  const rate = { bytesPerSecond: 100_000, burstBytes: 100_000 };

  it('lets the burst pass, and asks for as long a pause as was overdrawn', () => {
    const budget = new ReceiveBudget(rate, 0);
    expect(budget.take(100_000, 0)).toBe(0);
    expect(budget.take(10_000, 0)).toBe(100);
    expect(budget.take(10_000, 100)).toBe(100);
    expect(budget.take(1, 5000)).toBe(0);
  });

  it('earns no more than its burst', () => {
    const budget = new ReceiveBudget(rate, 0);
    expect(budget.take(150_000, 3_600_000)).toBe(500);
  });

  it('changes to another rate, at which what was overdrawn is made up for', () => {
    const budget = new ReceiveBudget(rate, 0);
    budget.take(200_000, 0);
    budget.change({ bytesPerSecond: 50_000, burstBytes: 70_000 }, 0);
    expect(budget.take(0, 0)).toBe(2000);
    budget.change({ bytesPerSecond: 1_000_000, burstBytes: 1_000_000 }, 0);
    expect(budget.take(0, 0)).toBe(100);
    // A higher burst is earned, not given.
    expect(budget.take(100_000, 100)).toBe(100);
  });

  it('lets nobody who keeps to the pauses send more than burst and rate together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 65_536 }), idle: fc.integer({ min: 0, max: 200 }) })),
        (reads) => {
          const budget = new ReceiveBudget(rate, 0);
          let now = 0;
          let sent = 0;
          for (const { bytes, idle } of reads) {
            const pause = budget.take(bytes, now);
            sent += bytes;
            // What was read is at most one read more than was allowed.
            expect(sent).toBeLessThanOrEqual(rate.burstBytes + (now / 1000) * rate.bytesPerSecond + bytes + 1);
            now += Math.max(pause, idle);
          }
        },
      ),
    );
  });
});

describe('parseClientRate', () => {
  it.each([
    ['{"PerClientRateLimitBytesPerSec":1250000,"PerClientRateBurstBytes":2500000}', 1_250_000, 2_500_000],
    ['{"PerClientRateLimitBytesPerSec": 5}', 5, 0],
    ['\uFEFF{"perclientratelimitbytespersec": 5, "PERCLIENTRATEBURSTBYTES": 6}\n', 5, 6],
  ])('reads %s', (text, bytesPerSecond, burstBytes) => {
    expect(parseClientRate(text)).toEqual({ bytesPerSecond, burstBytes });
  });

  it.each(['{}', '{"PerClientRateLimitBytesPerSec":0,"PerClientRateBurstBytes":5}'])(
    'takes %s for no limit',
    (text) => {
      expect(parseClientRate(text)).toBeNull();
    },
  );

  it.each([
    ['', 'is not JSON'],
    ['[]', 'does not hold a JSON object'],
    ['null', 'does not hold a JSON object'],
    ['{"PerClientRateLimitBytesPerSec":"5"}', 'PerClientRateLimitBytesPerSec is not a whole number'],
    ['{"PerClientRateLimitBytesPerSec":-5}', 'PerClientRateLimitBytesPerSec is not a whole number'],
    ['{"PerClientRateLimitBytesPerSec":5,"PerClientRateBurstBytes":0.5}', 'PerClientRateBurstBytes is not a whole'],
    ['{"PerClientRateLimitBytesPerSec":1e300}', 'PerClientRateLimitBytesPerSec is not a whole number'],
    ['{"GlobalRate":5}', '"GlobalRate" is not known here'],
  ])('refuses %j: %s', (text, problem) => {
    expect(() => parseClientRate(text)).toThrow(ClientRateError);
    expect(() => parseClientRate(text)).toThrow(problem);
  });
});
