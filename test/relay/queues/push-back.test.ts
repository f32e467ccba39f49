import { describe, expect, it, vi } from 'vitest';
import { defaults } from '../../../src/relay/defaults.ts';
import { makeOutbox } from '../support/hand-driven.ts';

const SIZE = 1400;
const HALF_FULL = Math.floor(defaults.pushBackQueueBytes / (SIZE + 37));

/** An outbox with a write under way and a queue that is as full as it may be without slowing anybody. */
function nearlyHalfFull() {
  const made = makeOutbox();
  made.push(0, SIZE);
  made.turn.end();
  for (let i = 1; i <= HALF_FULL; i++) expect(made.push(i, SIZE)).toBe(false);
  return made;
}

describe('a packet that meets a filling queue', () => {
  it('slows its sender while the write has only just begun', () => {
    const { push, clock } = nearlyHalfFull();
    expect(push(1, SIZE)).toBe(true);
    clock.now += defaults.slowReceiverTime - 1;
    expect(push(2, SIZE)).toBe(true);
  });

  it('does not when the receiver is the slow one and the relay has time', () => {
    const { push, clock } = nearlyHalfFull();
    expect(push(1, SIZE)).toBe(true);
    clock.now += defaults.slowReceiverTime;
    expect(push(2, SIZE)).toBe(false);
  });

  it('does for longer while the relay is saturated, but not for a receiver that is stuck', () => {
    const { push, clock, turn } = nearlyHalfFull();
    expect(push(1, SIZE)).toBe(true);
    turn.saturated = true;
    clock.now += defaults.stuckReceiverTime - 1;
    expect(push(2, SIZE)).toBe(true);
    clock.now += 1;
    expect(push(3, SIZE)).toBe(false);
  });

  it('does again with the next write', () => {
    const { push, clock, outbox } = nearlyHalfFull();
    push(1, SIZE);
    clock.now += defaults.stuckReceiverTime;
    expect(push(2, SIZE)).toBe(false);
    outbox.written();
    for (let i = 0; i <= HALF_FULL; i++) push(i, SIZE);
    expect(push(3, SIZE)).toBe(true);
  });
});

describe('a slowed sender', () => {
  const sender = () => ({ resumeAfterPushBack: vi.fn() });

  it('is resumed when the queue has drained to a half of what slowed it', () => {
    const { push, outbox, counters, turn } = nearlyHalfFull();
    const slowed = sender();
    expect(push(1, SIZE)).toBe(true);
    outbox.pushBack(slowed);
    expect(counters.pushBacks).toBe(1);
    expect(turn.later).toEqual([slowed]);
    while (slowed.resumeAfterPushBack.mock.calls.length === 0) {
      const before = outbox.bytes;
      expect(outbox.empty).toBe(false);
      outbox.written();
      if (before > defaults.pushBackQueueBytes / 2) expect(slowed.resumeAfterPushBack).not.toHaveBeenCalled();
    }
    expect(slowed.resumeAfterPushBack).toHaveBeenCalledTimes(1);
    outbox.written();
    expect(slowed.resumeAfterPushBack).toHaveBeenCalledTimes(1);
  });
});

describe('a write that is stuck', () => {
  it('is none while nothing is being written', () => {
    const { outbox, push, clock } = makeOutbox();
    push(0, 100);
    expect(outbox.stuckFor(clock.now)).toBe(0);
    expect(outbox.stuckFor(clock.now + 5000)).toBe(0);
  });

  it('is measured from the first look at it', () => {
    const { outbox, push, turn } = makeOutbox();
    push(0, 100);
    turn.end();
    expect(outbox.stuckFor(20_000)).toBe(0);
    expect(outbox.stuckFor(20_250)).toBe(250);
    expect(outbox.stuckFor(22_000)).toBe(2000);
  });

  it('is not stuck while the system takes bytes of it', () => {
    const { outbox, push, turn, writer } = makeOutbox();
    push(0, 60_000);
    writer.unsentBytes = 60_000;
    turn.end();
    outbox.stuckFor(20_000);
    expect(outbox.stuckFor(21_000)).toBe(1000);
    writer.unsentBytes = 50_000;
    expect(outbox.stuckFor(21_500)).toBe(0);
    expect(outbox.stuckFor(22_500)).toBe(1000);
  });

  it('is measured anew for the next one', () => {
    const { outbox, push, turn } = makeOutbox();
    push(0, 100);
    turn.end();
    outbox.stuckFor(20_000);
    push(1, 100);
    outbox.written();
    expect(outbox.stuckFor(25_000)).toBe(0);
    outbox.written();
    expect(outbox.stuckFor(30_000)).toBe(0);
  });
});
