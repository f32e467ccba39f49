import { describe, expect, it } from 'vitest';
import { MAX_PACKET_LENGTH } from '../../../src/protocol/frame-types.ts';
import { defaults } from '../../../src/relay/defaults.ts';
import { BufferPool } from '../../../src/relay/queues/buffer-pool.ts';

describe('a buffer pool', () => {
  it('gives the smallest size that is large enough, and exactly what was asked for above the largest', () => {
    const pool = new BufferPool([64, 256], 1024);
    const lengths = [0, 1, 64, 65, 256, 257].map((size) => pool.take(size).length);
    expect(lengths).toEqual([64, 64, 64, 256, 256, 257]);
    expect([0, 64, 65, 256, 257].map((size) => pool.sizeFor(size))).toEqual([64, 64, 256, 256, 257]);
    expect(pool.largest).toBe(256);
    expect(pool.outstanding).toBe(3 * 64 + 2 * 256 + 257);
  });

  it('hands the same memory out again, and never to two at once', () => {
    const pool = new BufferPool([64, 256], 1024);
    const [first, second] = [pool.take(10), pool.take(10)];
    expect(second).not.toBe(first);
    pool.give(first);
    pool.give(second);
    const again = [pool.take(60), pool.take(60), pool.take(60)];
    expect(new Set(again).size).toBe(3);
    expect(again).toContain(first);
    expect(again).toContain(second);
    expect(pool.take(256)).not.toBe(first);
  });

  it('keeps no more idle than it was told to, of each size', () => {
    const pool = new BufferPool([64, 256], 256);
    const small = Array.from({ length: 6 }, () => pool.take(64));
    const large = Array.from({ length: 3 }, () => pool.take(256));
    for (const buffer of [...small, ...large]) pool.give(buffer);
    const kept = Array.from({ length: 6 }, () => pool.take(64)).filter((buffer) => small.includes(buffer));
    expect(kept).toHaveLength(4);
    expect(Array.from({ length: 3 }, () => pool.take(256)).filter((buffer) => large.includes(buffer))).toHaveLength(1);
  });

  it('does not keep a size that it does not pool, nor what it was told to forget', () => {
    const pool = new BufferPool([64], 1024);
    const odd = pool.take(100);
    const lost = pool.take(64);
    pool.give(odd);
    pool.forget(lost);
    expect(pool.outstanding).toBe(0);
    expect(pool.take(100)).not.toBe(odd);
    expect(pool.take(64)).not.toBe(lost);
  });

  it('holds the largest frame in its largest buffer, as the relay sets it up', () => {
    expect(new BufferPool().largest).toBeGreaterThanOrEqual(5 + 32 + MAX_PACKET_LENGTH);
    expect([...defaults.batchBufferSizes]).toEqual([...defaults.batchBufferSizes].sort((a, b) => a - b));
  });
});
