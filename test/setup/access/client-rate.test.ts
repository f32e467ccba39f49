import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatClientRateChoice, parseClientRateChoice } from '../../../src/setup/access/client-rate.ts';

const rate = (bytesPerSecond: number, burstBytes: number) => ({ ok: true, value: { bytesPerSecond, burstBytes } });

describe('the rate of a client', () => {
  it.each([
    ['10M', 10_000_000, 10_000_000, '10M'],
    ['500k', 500_000, 500_000, '500k'],
    ['500K', 500_000, 500_000, '500k'],
    ['1250000', 1_250_000, 1_250_000, '1250k'],
    ['1.5MB/s', 1_500_000, 1_500_000, '1500k'],
    ['2G', 2e9, 2e9, '2G'],
    ['10M:20M', 10_000_000, 20_000_000, '10M:20M'],
    [' 1M : 64k ', 1_000_000, 64_000, '1M:64k'],
    ['999', 999, 999, '999'],
  ])('%s', (text, bytesPerSecond, burstBytes, canonical) => {
    expect(parseClientRateChoice(text)).toEqual(rate(bytesPerSecond, burstBytes));
    expect(formatClientRateChoice({ bytesPerSecond, burstBytes })).toBe(canonical);
  });

  it('is read again as it was written', () => {
    const bytes = fc.integer({ min: 1, max: 1e12 });
    fc.assert(
      fc.property(bytes, bytes, (bytesPerSecond, burstBytes) => {
        const text = formatClientRateChoice({ bytesPerSecond, burstBytes });
        expect(parseClientRateChoice(text)).toEqual(rate(bytesPerSecond, burstBytes));
      }),
    );
  });

  it('can be taken away', () => {
    expect(parseClientRateChoice('none')).toEqual({ ok: true, value: 'none' });
    expect(formatClientRateChoice('none')).toBe('none');
  });

  // A small b is a bit to many; a rate of nothing would let nobody send.
  it.each(['', '0', '0M', '-1', '10Mb', '10 Mbit', '10MiB', '1e6', 'M', '10M:', '10M:x', '10M:1M:1M', '10M:0', 'fast'])(
    '%j is none',
    (text) => {
      expect(parseClientRateChoice(text)).toEqual({ ok: false, rule: { code: 'not-a-rate' } });
    },
  );
});
