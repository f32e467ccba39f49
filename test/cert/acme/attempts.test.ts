import { describe, expect, it } from 'vitest';
import {
  type FailedOrder,
  formatMemory,
  freshMemory,
  parseMemory,
  waitBefore,
  withFailure,
  withSuccess,
} from '../../../src/cert/acme/attempts.ts';

const now = new Date('2026-11-21T12:00:00Z');
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const failed = (minutes: number, more: Partial<FailedOrder> = {}): FailedOrder => ({
  at: ago(minutes),
  reason: 'connection',
  detail: 'Timeout during connect',
  ...more,
});
const fresh = freshMemory('derp.example.com', 'https://ca.example/dir');
const afterFailures = (...failures: FailedOrder[]) => failures.reduce(withFailure, fresh);

describe('waiting after failures', () => {
  it('is not needed before there is one', () => {
    expect(waitBefore(fresh, 'timer', now)).toBeUndefined();
  });

  it('is longer for the timer the more often it has failed', () => {
    expect(waitBefore(afterFailures(failed(30)), 'timer', now)?.until).toEqual(ago(-30));
    expect(waitBefore(afterFailures(failed(61)), 'timer', now)).toBeUndefined();
    expect(waitBefore(afterFailures(failed(200), failed(61)), 'timer', now)?.until).toEqual(ago(61 - 180));
    const many = Array.from({ length: 30 }, (_, at) => failed(1000 - at));
    expect(waitBefore(afterFailures(...many), 'timer', now)?.until).toEqual(
      new Date(many.at(-1)!.at.getTime() + 24 * 3600_000),
    );
  });

  it('lets a person try again at once, until an authority would stop it', () => {
    expect(waitBefore(afterFailures(failed(3), failed(2), failed(1)), 'person', now)).toBeUndefined();
    const four = afterFailures(failed(40), failed(3), failed(2), failed(1));
    expect(waitBefore(four, 'person', now)).toEqual({ until: ago(-20), by: 'back-off' });
    expect(waitBefore(afterFailures(failed(61), failed(3), failed(2), failed(1)), 'person', now)).toBeUndefined();
  });

  it('is as long as the authority says, for everybody', () => {
    const until = ago(-500);
    const limited = afterFailures(failed(100, { retryAt: until }), failed(90));
    expect(waitBefore(limited, 'person', now)).toEqual({ until, by: 'authority' });
    expect(waitBefore(limited, 'timer', now)).toEqual({ until, by: 'authority' });
  });

  it('does not last for ever when the clock was set back', () => {
    expect(waitBefore(afterFailures(failed(-60 * 24 * 300)), 'timer', now)).toBeUndefined();
  });

  it('ends with a success', () => {
    const memory = withSuccess(afterFailures(failed(2), failed(1)), { at: now, fingerprint: 'AA:BB' });
    expect(waitBefore(memory, 'timer', now)).toBeUndefined();
  });
});

describe('the file', () => {
  const memory = withFailure(
    withSuccess(fresh, { at: ago(9), fingerprint: 'AA', profile: 'shortlived' }),
    failed(1, { retryAt: ago(-9) }),
  );

  it('holds all of it', () => {
    expect(parseMemory(formatMemory(memory), memory.host, memory.directory)).toEqual(memory);
  });

  it('of another host or authority, or a damaged one, says nothing', () => {
    expect(parseMemory(formatMemory(memory), 'other.example', memory.directory)).toBeUndefined();
    expect(parseMemory(formatMemory(memory), memory.host, 'https://other.example/dir')).toBeUndefined();
    for (const text of ['', 'null', '[]', '{"host":"derp.example.com"}', formatMemory(memory).slice(0, 40)]) {
      expect(parseMemory(text, memory.host, memory.directory)).toBeUndefined();
    }
  });

  it('leaves out failures that make no sense', () => {
    const text = JSON.stringify({
      ...fresh,
      failures: [null, { at: 'x' }, { at: now.toISOString(), reason: 'dns', detail: 'd' }],
    });
    expect(parseMemory(text, fresh.host, fresh.directory)?.failures).toEqual([{ at: now, reason: 'dns', detail: 'd' }]);
  });
});
