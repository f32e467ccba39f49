import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { defaults } from '../../../src/relay/defaults.ts';
import { makeOutbox, numbersOf } from '../support/hand-driven.ts';

const PING = encodeFrame(FrameType.Pong, Buffer.alloc(8, 1));
const PACKETS_TO_FILL = Math.ceil(defaults.pushBackQueueBytes / 1437);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('batches', () => {
  it('leave in one write at the end of the turn', () => {
    const { push, turn, writer, counters, numbers } = makeOutbox();
    for (let i = 0; i < 20; i++) push(i, 1400);
    expect(writer.writes).toEqual([]);
    expect(turn.end()).toBe(1);
    expect(writer.writes).toHaveLength(1);
    expect(numbers()).toEqual(range(0, 20));
    expect(counters.writes).toBe(1);
    expect(counters.framesSent).toBe(20);
    expect(counters.bytesSent).toBe(20 * 1437);
  });

  it('wait while a write is under way, and leave when it is done', () => {
    const { push, turn, writer, outbox, numbers } = makeOutbox();
    push(0, 100);
    turn.end();
    expect(outbox.empty).toBe(false);
    expect(outbox.bytes).toBe(0);
    for (let i = 1; i < 10; i++) {
      push(i, 100);
      expect(turn.end()).toBe(0);
    }
    expect(writer.writes).toHaveLength(1);
    expect(outbox.bytes).toBe(9 * 137);
    outbox.written();
    expect(writer.writes).toHaveLength(2);
    expect(numbers()).toEqual(range(0, 10));
    outbox.written();
    expect(outbox.empty).toBe(true);
    // One that comes later is scheduled again.
    push(10, 100);
    expect(turn.end()).toBe(1);
    expect(writer.writes).toHaveLength(3);
  });

  it('do not lend memory that is used for something else meanwhile', () => {
    const { push, turn, writer, pool, outbox } = makeOutbox();
    push(0, 1000);
    turn.end();
    const lent = Buffer.from(writer.lent);
    for (let i = 1; i < 200; i++) push(i, 1000);
    expect(writer.lent.equals(lent)).toBe(true);
    outbox.written();
    expect(writer.lent.equals(lent)).toBe(false);
    expect(pool.outstanding).toBeGreaterThan(0);
  });

  it('begin before the end of the turn once they fill whole buffers', () => {
    const { push, writer, turn } = makeOutbox();
    for (let i = 0; i <= PACKETS_TO_FILL; i++) push(i, 1400);
    expect(writer.writes).toHaveLength(1);
    turn.end();
    expect(writer.writes).toHaveLength(1);
  });
});

describe('control frames and disco packets', () => {
  it('join the next batch where there is room behind its packets', () => {
    const { push, turn, writer, outbox } = makeOutbox();
    push(0, 100);
    push(1, 100, 'disco');
    outbox.pushControl(PING);
    turn.end();
    expect(outbox.controlWrites).toBe(1);
    expect(writer.writes).toHaveLength(1);
    expect(writer.writes[0]!.map((frame) => frame[0])).toEqual([
      FrameType.RecvPacket,
      FrameType.Pong,
      FrameType.RecvPacket,
    ]);
    expect(numbersOf(writer.writes[0]!)).toEqual([0, 1]);
  });

  it('go first, control before disco, where there is none', () => {
    const { push, turn, writer, outbox } = makeOutbox();
    push(0, 65_536);
    // Whatever is left of the largest buffer is too small for these.
    for (let i = 1; i < 4; i++) push(i, 1000, 'disco');
    outbox.pushControl(PING);
    turn.end();
    outbox.written();
    outbox.written();
    expect(writer.writes.map((frames) => frames[0]![0])).toEqual([
      FrameType.Pong,
      FrameType.RecvPacket,
      FrameType.RecvPacket,
    ]);
    expect(writer.writes.map(numbersOf)).toEqual([[], [1, 2, 3], [0]]);
  });

  it('leave alone when there are no packets', () => {
    const { push, turn, drain, writer, outbox } = makeOutbox();
    outbox.pushControl(PING);
    push(7, 100, 'disco');
    expect(turn.end()).toBeGreaterThan(0);
    drain();
    expect(writer.writes.map((frames) => frames.map((frame) => frame[0]))).toEqual([
      [FrameType.Pong],
      [FrameType.RecvPacket],
    ]);
  });

  it('are kept within bounds, the newest of them', () => {
    const { push, turn, drain, writer, outbox, drops, numbers, counters } = makeOutbox();
    push(0, 100);
    turn.end();
    for (let i = 1; i <= 200; i++) push(i, 1400, 'disco');
    const kept = Math.floor(defaults.controlQueueBytes / 1437);
    expect(outbox.bytes).toBe(kept * 1437);
    expect(drops('queue_head', 'disco')).toEqual({ packets: 200 - kept, bytes: (200 - kept) * 1400 });
    for (let i = 0; i < 10_000; i++) outbox.pushControl(encodeFrame(FrameType.PeerGone, Buffer.alloc(33, i)));
    expect(outbox.bytes).toBeLessThanOrEqual(2 * defaults.controlQueueBytes);
    drain();
    expect(numbers()).toEqual([0, ...range(201 - kept, 201)]);
    const gone = writer.writes.flat().filter((frame) => frame[0] === FrameType.PeerGone);
    expect(gone).toHaveLength(Math.floor(defaults.controlQueueBytes / 38));
    expect(gone.at(-1)![5]).toBe(9999 & 0xff);
    expect(counters.drops.other.queue_head.packets).toBe(0);
  });
});

describe('a full queue', () => {
  it('drops its oldest packets, keeps the newest in order, and counts what it dropped', () => {
    const { push, turn, drain, outbox, drops, numbers } = makeOutbox();
    push(0, 1400);
    turn.end();
    for (let i = 1; i <= 1000; i++) push(i, 1400);
    const kept = Math.floor(defaults.queueBytes / 1437);
    expect(outbox.bytes).toBe(kept * 1437);
    expect(drops('queue_head')).toEqual({ packets: 1000 - kept, bytes: (1000 - kept) * 1400 });
    drain();
    expect(numbers()).toEqual([0, ...range(1001 - kept, 1001)]);
  });

  it('keeps as many packets as derper does, however large they are', () => {
    const { push, turn, drain, drops, numbers } = makeOutbox();
    push(0, 65_536);
    turn.end();
    for (let i = 1; i <= 40; i++) push(i, 65_536);
    expect(drops('queue_head').packets).toBe(40 - defaults.queuePackets);
    drain();
    expect(numbers()).toEqual([0, ...range(41 - defaults.queuePackets, 41)]);
  });

  it('is shorter while all queues together hold too much memory', () => {
    const { push, turn, outbox, pool } = makeOutbox();
    pool.outstanding += defaults.memoryPressure + 1;
    push(0, 1400);
    turn.end();
    for (let i = 1; i <= 1000; i++) push(i, 1400);
    expect(outbox.bytes).toBe(defaults.queuePackets * 1437);
    for (let i = 1; i <= 1000; i++) push(i, 100);
    expect(outbox.bytes).toBeLessThanOrEqual(defaults.queueBytesUnderPressure);
  });
});

describe('any order of events', () => {
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ push: fc.constant('other' as const), size: fc.integer({ min: 4, max: 65_536 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ push: fc.constant('disco' as const), size: fc.integer({ min: 62, max: 1500 }) }),
    },
    { weight: 2, arbitrary: fc.constant('control' as const) },
    { weight: 2, arbitrary: fc.constant('turn ends' as const) },
    { weight: 2, arbitrary: fc.constant('written' as const) },
  );

  it('delivers each packet once, in order, or counts it as dropped, and gives back all memory', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150, size: 'max' }), fc.boolean(), (events, closeEarly) => {
        const { push, turn, outbox, writer, drain, counters, pool, numbers } = makeOutbox();
        const pushed = { other: 0, disco: 0 };
        for (const one of events) {
          // Odd numbers are packets, even ones disco packets.
          if (typeof one === 'object')
            push(2 * pushed[one.push]++ + (one.push === 'other' ? 1 : 0), one.size, one.push);
          else if (one === 'control') outbox.pushControl(PING);
          else if (one === 'turn ends') turn.end();
          else if (!outbox.empty) outbox.written();
        }
        if (closeEarly) outbox.close();
        else drain();
        const written = numbers();
        const others = written.filter((number) => number % 2 === 1);
        const discos = written.filter((number) => number % 2 === 0);
        expect(others).toEqual([...others].sort((a, b) => a - b));
        expect(discos).toEqual([...discos].sort((a, b) => a - b));
        expect(new Set(written).size).toBe(written.length);
        const { queue_head: head, gone_disconnected: gone } = counters.drops.other;
        expect(others.length + head.packets + gone.packets).toBe(pushed.other);
        const disco = counters.drops.disco;
        expect(discos.length + disco.queue_head.packets + disco.gone_disconnected.packets).toBe(pushed.disco);
        expect(counters.writes).toBe(writer.writes.length);
        expect(counters.framesSent).toBe(writer.writes.flat().length);
        expect(pool.outstanding).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the end', () => {
  it('counts what waited as gone_disconnected and what was being written as write_error', () => {
    const { push, turn, outbox, drops, pool, writer } = makeOutbox();
    for (let i = 0; i < 3; i++) push(i, 100);
    turn.end();
    for (let i = 3; i < 8; i++) push(i, 200);
    push(9, 300, 'disco');
    outbox.pushControl(PING);
    const lent = writer.lent;
    const copy = Buffer.from(lent);
    outbox.close();
    expect(drops('write_error')).toEqual({ packets: 3, bytes: 300 });
    expect(drops('gone_disconnected')).toEqual({ packets: 5, bytes: 1000 });
    expect(drops('gone_disconnected', 'disco')).toEqual({ packets: 1, bytes: 300 });
    expect(pool.outstanding).toBe(0);
    expect(outbox.empty).toBe(true);
    // The system may still read from what was being written: it is not used for anything else.
    expect(lent.equals(copy)).toBe(true);
    expect(pool.take(lent.length).buffer).not.toBe(lent.buffer);
  });

  it('is the end: nothing is written or counted after it', () => {
    const { push, turn, outbox, drops, writer } = makeOutbox();
    push(0, 100);
    outbox.close();
    outbox.close();
    turn.end();
    outbox.pushControl(PING);
    outbox.written();
    turn.end();
    expect(writer.writes).toEqual([]);
    expect(drops('gone_disconnected').packets).toBe(1);
    expect(drops('write_error').packets).toBe(0);
  });

  it('resumes the senders that were waiting', () => {
    const { outbox } = makeOutbox();
    const sender = { resumeAfterPushBack: vi.fn() };
    outbox.pushBack(sender);
    outbox.close();
    expect(sender.resumeAfterPushBack).toHaveBeenCalledTimes(1);
  });
});
