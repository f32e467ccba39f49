import { describe, expect, it } from 'vitest';
import { pauseAfter } from '../../src/setup/foreground-renewal.ts';

const now = new Date('2026-11-21T12:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const HOUR = 3600;

describe('how long a relay in the foreground waits before it looks at its certificate again', () => {
  const notDue = (seconds: number) =>
    pauseAfter({ kind: 'not-due', notAfter: later(2 * seconds), renewal: { at: later(seconds), by: 'lifetime' } }, now);

  it('until it is due, but never longer than half a day: the authority may change its mind', () => {
    expect(notDue(600)).toBe(600_000);
    expect(notDue(60 * 24 * HOUR)).toBe(12 * HOUR * 1000);
  });

  it('never without a pause, whatever the clock does', () => {
    expect(notDue(-HOUR)).toBe(5_000);
    expect(pauseAfter({ kind: 'renewed', notAfter: later(60), window: undefined }, now)).toBe(5_000);
  });

  it('an hour after a failure', () => {
    expect(pauseAfter({ kind: 'not-served', notAfter: undefined, port: 443 }, now)).toBe(HOUR * 1000);
  });
});
