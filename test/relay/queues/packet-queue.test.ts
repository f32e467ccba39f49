import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeFrameHeader } from '../../../src/protocol/frame-encoder.ts';
import { FRAME_HEADER_LENGTH } from '../../../src/protocol/frame-types.ts';
import { PacketQueue, type Segment } from '../../../src/relay/queues/packet-queue.ts';
import { CheckedPool } from '../support/checked-pool.ts';

const MAX_FRAME = 65_573;

/** A frame of `length` bytes, header included, whose every byte says which frame it is. */
function frame(number: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, number);
  writeFrameHeader(bytes, 0, 5, length - FRAME_HEADER_LENGTH);
  return bytes;
}

const anyLength = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: FRAME_HEADER_LENGTH, max: 200 }) },
  { weight: 3, arbitrary: fc.integer({ min: 200, max: 3000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 3000, max: MAX_FRAME }) },
  { weight: 1, arbitrary: fc.constantFrom(FRAME_HEADER_LENGTH, 2048, 16_384, 67_584 - MAX_FRAME, MAX_FRAME) },
);

const anyCommand = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), length: anyLength }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('push beside' as const), length: anyLength }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('trim' as const),
      frames: fc.integer({ min: 0, max: 12 }),
      bytes: fc.oneof(fc.nat(1000), fc.nat(200_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take with all beside' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
);

type Command = typeof anyCommand extends fc.Arbitrary<infer C> ? C : never;

/** Two queues and, as plain arrays, what must be in them. */
class Model {
  readonly pool: CheckedPool;
  readonly queue: PacketQueue;
  readonly beside: PacketQueue;
  readonly frames: Buffer[] = [];
  readonly framesBeside: Buffer[] = [];
  #number = 0;

  constructor(sizes?: number[]) {
    this.pool = new CheckedPool(sizes);
    this.queue = new PacketQueue(this.pool);
    this.beside = new PacketQueue(this.pool);
  }

  run(command: Command): void {
    switch (command.do) {
      case 'push':
        this.#push(this.queue, this.frames, command.length);
        break;
      case 'push beside':
        this.#push(this.beside, this.framesBeside, command.length);
        break;
      case 'trim':
        this.#trim(command.frames, command.bytes);
        break;
      case 'take':
        this.finish(this.queue.take(), this.frames);
        break;
      case 'take with all beside':
        this.#takeAll();
        break;
      case 'clear': {
        const dropped: number[] = [];
        this.queue.clear((length) => dropped.push(length));
        expect(dropped).toEqual(this.frames.splice(0).map((bytes) => bytes.length));
      }
    }
  }

  /** Compares a taken segment with the oldest frames expected, and gives it back. */
  finish(segment: Segment | undefined, expected: Buffer[]): void {
    if (segment === undefined) {
      expect(expected).toEqual([]);
      return;
    }
    expect(segment.frames).toBeGreaterThan(0);
    const whole = Buffer.concat(expected.splice(0, segment.frames));
    expect(segment.buffer.subarray(segment.head, segment.tail).equals(whole)).toBe(true);
    this.pool.give(segment.buffer);
  }

  check(): void {
    for (const [queue, frames] of [
      [this.queue, this.frames],
      [this.beside, this.framesBeside],
    ] as const) {
      expect(queue.frames).toBe(frames.length);
      expect(queue.bytes).toBe(frames.reduce((sum, bytes) => sum + bytes.length, 0));
    }
  }

  #push(queue: PacketQueue, frames: Buffer[], length: number): void {
    const bytes = frame(this.#number++, length);
    // From the middle of something larger, as frames lie in what was read.
    const lent = Buffer.concat([Buffer.alloc(7, 0xaa), bytes, Buffer.alloc(9, 0xbb)]);
    queue.push(lent, 7, 7 + length);
    // The queue must have its own copy: what was lent is overwritten by the next read.
    lent.fill(0xcc);
    frames.push(bytes);
  }

  #trim(maxFrames: number, maxBytes: number): void {
    const expected: number[] = [];
    let bytes = this.frames.reduce((sum, one) => sum + one.length, 0);
    while (this.frames.length > maxFrames && bytes > maxBytes) {
      const { length } = this.frames.shift()!;
      expected.push(length);
      bytes -= length;
    }
    const dropped: number[] = [];
    this.queue.trim(maxFrames, maxBytes, (length) => dropped.push(length));
    expect(dropped).toEqual(expected);
  }

  #takeAll(): void {
    if (this.queue.frames === 0 || this.queue.room < this.beside.bytes) return;
    const segment = this.queue.take()!;
    const own = segment.frames;
    const moved = this.framesBeside.splice(0);
    this.beside.moveInto(segment);
    expect(segment.frames).toBe(own + moved.length);
    const expected = [...this.frames.splice(0, own), ...moved];
    this.finish(segment, expected);
    expect(expected).toEqual([]);
  }
}

describe('a packet queue', () => {
  it.each([
    ['the relay’s buffers', undefined],
    ['small buffers, which most frames do not fit', [64, 256, 1024]],
  ])('holds what a plain list would, with %s', (_, sizes) => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 60, size: 'max' }), (commands) => {
        const model = new Model(sizes);
        for (const command of commands) {
          model.run(command);
          model.check();
        }
        while (model.frames.length > 0) model.finish(model.queue.take(), model.frames);
        model.beside.clear(() => {});
        expect(model.pool.outstanding).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('has nothing to take, and no room behind it, when it is empty', () => {
    const queue = new PacketQueue(new CheckedPool());
    expect(queue.take()).toBeUndefined();
    expect(queue.room).toBe(0);
    queue.trim(0, 0, () => expect.unreachable());
    queue.clear(() => expect.unreachable());
  });

  it('drops only while it is over both limits', () => {
    const pool = new CheckedPool();
    const queue = new PacketQueue(pool);
    for (let i = 0; i < 10; i++) queue.push(frame(i, 100), 0, 100);
    queue.trim(5, 1000, () => expect.unreachable());
    queue.trim(10, 10, () => expect.unreachable());
    let dropped = 0;
    queue.trim(5, 300, () => dropped++);
    expect(dropped).toBe(5);
    queue.trim(0, 300, () => dropped++);
    expect(dropped).toBe(7);
    expect(queue.bytes).toBe(300);
  });

  it('starts small and grows, and begins with what it came to the next time', () => {
    const pool = new CheckedPool();
    const queue = new PacketQueue(pool);
    queue.push(frame(0, 100), 0, 100);
    expect(pool.outstanding).toBe(2 << 10);
    for (let i = 1; i < 300; i++) queue.push(frame(i, 100), 0, 100);
    expect(pool.outstanding).toBe(66 << 10);
    const segment = queue.take()!;
    expect(segment.frames).toBe(300);
    pool.give(segment.buffer);
    queue.push(frame(0, 100), 0, 100);
    expect(pool.outstanding).toBe(66 << 10);
  });

  it('grows what is left after its oldest frames have been dropped', () => {
    const model = new Model();
    for (let i = 0; i < 10; i++) model.run({ do: 'push', length: 100 });
    model.run({ do: 'trim', frames: 4, bytes: 0 });
    for (let i = 0; i < 500; i++) {
      model.run({ do: 'push', length: 90 + i });
      if (i % 7 === 0) model.run({ do: 'trim', frames: 4 + i, bytes: 0 });
      model.check();
    }
    while (model.frames.length > 0) model.run({ do: 'take' });
    expect(model.pool.outstanding).toBe(0);
  });

  it('keeps frames of more than 64 KB apart from each other but whole', () => {
    const pool = new CheckedPool();
    const queue = new PacketQueue(pool);
    for (let i = 0; i < 3; i++) queue.push(frame(i, MAX_FRAME), 0, MAX_FRAME);
    const segments = [queue.take()!, queue.take()!, queue.take()!];
    expect(segments.map((segment) => segment.tail - segment.head)).toEqual([MAX_FRAME, MAX_FRAME, MAX_FRAME]);
    expect(queue.take()).toBeUndefined();
  });
});
