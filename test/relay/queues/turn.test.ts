import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { defaults } from '../../../src/relay/defaults.ts';
import { Turn } from '../../../src/relay/queues/turn.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a turn of the loop', () => {
  it('flushes what was scheduled in it at its end, once, in that order', async () => {
    const turn = new Turn();
    const flushed: string[] = [];
    turn.schedule({ flush: () => flushed.push('a') });
    turn.schedule({ flush: () => flushed.push('b') });
    expect(flushed).toEqual([]);
    await nextTurn();
    expect(flushed).toEqual(['a', 'b']);
    await nextTurn();
    expect(flushed).toEqual(['a', 'b']);
  });

  it('flushes what was scheduled while flushing in the next one', async () => {
    const turn = new Turn();
    const flushed: string[] = [];
    turn.schedule({
      flush: () => {
        flushed.push('first');
        turn.schedule({ flush: () => flushed.push('second') });
      },
    });
    await nextTurn();
    expect(flushed).toEqual(['first']);
    await nextTurn();
    expect(flushed).toEqual(['first', 'second']);
  });
});

describe('saturation', () => {
  /** Runs turns that take `busy` ms each, `idle` ms apart, for some windows; says what the turn thinks. */
  async function run(turn: Turn, clock: { now: number }, busy: number, idle: number): Promise<boolean> {
    for (let passed = 0; passed < 3 * defaults.saturationWindow; passed += busy + idle) {
      turn.schedule({ flush: () => {} });
      clock.now += busy;
      await nextTurn();
      clock.now += idle;
    }
    return turn.saturated;
  }

  it('is when turns take most of the time, and ends when they no longer do', async () => {
    const clock = { now: 1000 };
    vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
    const turn = new Turn();
    expect(turn.saturated).toBe(false);
    expect(await run(turn, clock, 1, 9)).toBe(false);
    expect(await run(turn, clock, 9, 1)).toBe(true);
    expect(await run(turn, clock, 5, 5)).toBe(false);
  });
});

describe('senders that are not read for a moment', () => {
  const sender = () => ({ resumeAfterPushBack: vi.fn() });

  it('are resumed when the longest push-back time is over, not before', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const clock = { now: 1000 };
    vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
    const pass = (ms: number) => {
      for (let i = 0; i < ms; i++) {
        clock.now++;
        vi.advanceTimersByTime(1);
      }
    };
    const turn = new Turn();
    const [first, second] = [sender(), sender()];
    const resumed = () => [first, second].map((one) => one.resumeAfterPushBack.mock.calls.length);
    turn.resumeLater(first);
    pass(2);
    turn.resumeLater(second);
    pass(defaults.pushBackTime - 3);
    expect(resumed()).toEqual([0, 0]);
    pass(1);
    expect(resumed()).toEqual([1, 0]);
    pass(2);
    expect(resumed()).toEqual([1, 1]);
    // And once it has run dry it can be started again.
    expect(vi.getTimerCount()).toBe(0);
    turn.resumeLater(first);
    pass(defaults.pushBackTime);
    expect(resumed()).toEqual([2, 1]);
  });

  it('are forgotten when the relay stops', async () => {
    const turn = new Turn();
    const paused = sender();
    turn.resumeLater(paused);
    turn.stop();
    await new Promise((resolve) => setTimeout(resolve, 3 * defaults.pushBackTime));
    expect(paused.resumeAfterPushBack).not.toHaveBeenCalled();
  });
});
