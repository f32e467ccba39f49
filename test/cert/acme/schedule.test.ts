import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRenewalInfo, renewalOf } from '../../../src/cert/acme/schedule.ts';

const day = (number: number) => new Date(Date.UTC(2026, 0, 1 + number));
const ninety = { notBefore: day(0), notAfter: day(90) };
const fingerprint = '80:00:00:00:11:22';

describe('when a certificate is renewed', () => {
  it('is with a third of its lifetime left, however long that is', () => {
    expect(renewalOf(ninety, fingerprint)).toEqual({ at: day(60), by: 'lifetime' });
    expect(renewalOf({ notBefore: day(0), notAfter: day(6) }, fingerprint).at).toEqual(day(4));
  });

  it('is earlier where the authority says so, and never later', () => {
    const early = { start: day(10), end: day(12) };
    const { at, by } = renewalOf(ninety, fingerprint, early);
    expect(by).toBe('authority');
    expect(at.getTime() - day(11).getTime()).toBeLessThan(1000);
    expect(renewalOf(ninety, fingerprint, { start: day(70), end: day(80) })).toEqual({ at: day(60), by: 'lifetime' });
  });

  it('is a moment of its own in the window, always the same for one certificate', () => {
    const window = { start: day(10), end: day(12) };
    fc.assert(
      fc.property(fc.nat(0xffffffff), (number) => {
        const hex = number.toString(16).padStart(8, '0');
        const { at } = renewalOf(ninety, hex, window);
        return at >= window.start && at <= window.end && renewalOf(ninety, hex, window).at.getTime() === at.getTime();
      }),
    );
    expect(renewalOf(ninety, '00000000', window).at).not.toEqual(renewalOf(ninety, 'ffffffff', window).at);
  });
});

describe('renewal information', () => {
  it('is read', () => {
    const text = JSON.stringify({
      suggestedWindow: { start: '2026-01-03T00:00:00Z', end: '2026-01-04T00:00:00Z' },
      explanationURL: 'https://ca.example/why',
    });
    expect(parseRenewalInfo(text)).toEqual({ start: day(2), end: day(3), explanation: 'https://ca.example/why' });
  });

  it.each([
    '',
    '{}',
    'null',
    '{"suggestedWindow":{"start":"x","end":"y"}}',
    '{"suggestedWindow":{"start":"2026-01-04","end":"2026-01-03"}}',
  ])('%j is none', (text) => {
    expect(parseRenewalInfo(text)).toBeUndefined();
  });
});
