import { FRAME_HEADER_LENGTH } from '../../protocol/frame-types.ts';
import type { BufferPool } from './buffer-pool.ts';

/** A run of whole frames in one buffer: `frames` of them in `buffer[head … tail)`. */
export interface Segment {
  buffer: Buffer;
  head: number;
  tail: number;
  frames: number;
}

/** Told of each frame that had to make room. `frameLength` includes the header. */
export type OnDrop = (frameLength: number) => void;

/**
 * A first-in, first-out queue of encoded frames. Frames lie back to back in pooled buffers, so that what waits for a
 * client leaves in one write without being copied again. Bounded: when it holds more than both limits, its oldest
 * frames make room for the newest.
 */
export class PacketQueue {
  readonly #pool: BufferPool;
  readonly #segments: Segment[] = [];
  /** What the last taken segment came to: the next first buffer is as big, so that busy queues do not grow by steps. */
  #lastTaken = 0;
  frames = 0;
  bytes = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Copies in one encoded frame, `bytes[start … end)`, header included. */
  push(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    let segment = this.#segments[this.#segments.length - 1];
    if (segment === undefined || segment.tail + length > segment.buffer.length)
      segment = this.#makeRoom(segment, length);
    bytes.copy(segment.buffer, segment.tail, start, end);
    segment.tail += length;
    segment.frames++;
    this.frames++;
    this.bytes += length;
  }

  /** Drops the oldest frames while the queue holds more than `maxFrames` frames and more than `maxBytes` bytes. */
  trim(maxFrames: number, maxBytes: number, onDrop: OnDrop): void {
    while (this.frames > maxFrames && this.bytes > maxBytes) this.#dropOldest(onDrop);
  }

  /** The oldest segment, which the caller now owns and gives back to the pool; undefined when empty. */
  take(): Segment | undefined {
    const segment = this.#segments.shift();
    if (segment === undefined) return undefined;
    this.#lastTaken = segment.tail - segment.head;
    this.bytes -= this.#lastTaken;
    this.frames -= segment.frames;
    return segment;
  }

  /** The room left behind the oldest segment's frames; 0 when empty. */
  get room(): number {
    const segment = this.#segments[0];
    return segment === undefined ? 0 : segment.buffer.length - segment.tail;
  }

  /** Moves everything behind the frames of `target`, which must have room for it. */
  moveInto(target: Segment): void {
    for (const segment of this.#segments) {
      segment.buffer.copy(target.buffer, target.tail, segment.head, segment.tail);
      target.tail += segment.tail - segment.head;
      target.frames += segment.frames;
      this.#pool.give(segment.buffer);
    }
    this.#segments.length = 0;
    this.frames = 0;
    this.bytes = 0;
  }

  /** Drops everything. */
  clear(onDrop: OnDrop): void {
    while (this.frames > 0) this.#dropOldest(onDrop);
  }

  #makeRoom(last: Segment | undefined, length: number): Segment {
    const largest = this.#pool.largest;
    if (last !== undefined && last.buffer.length < largest && last.tail - last.head + length <= largest) {
      // Grown by copying while small, so that many lightly used queues do not hold a large buffer each.
      const grown = this.#pool.take(
        Math.min(largest, Math.max(last.buffer.length * 2, last.tail - last.head + length)),
      );
      last.buffer.copy(grown, 0, last.head, last.tail);
      this.#pool.give(last.buffer);
      last.buffer = grown;
      last.tail -= last.head;
      last.head = 0;
      return last;
    }
    const size = last === undefined ? Math.max(length, Math.min(this.#lastTaken, largest)) : Math.max(length, largest);
    const segment: Segment = { buffer: this.#pool.take(size), head: 0, tail: 0, frames: 0 };
    this.#segments.push(segment);
    return segment;
  }

  #dropOldest(onDrop: OnDrop): void {
    const segment = this.#segments[0]!;
    const length = frameLengthAt(segment.buffer, segment.head);
    segment.head += length;
    segment.frames--;
    this.frames--;
    this.bytes -= length;
    if (segment.head >= segment.tail) {
      this.#segments.shift();
      this.#pool.give(segment.buffer);
    }
    onDrop(length);
  }
}

/** The length of the frame at `offset`, header included. Its four length bytes are ours, so it is at most 65,573. */
function frameLengthAt(buffer: Buffer, offset: number): number {
  return (
    FRAME_HEADER_LENGTH +
    ((buffer[offset + 1]! << 24) | (buffer[offset + 2]! << 16) | (buffer[offset + 3]! << 8) | buffer[offset + 4]!)
  );
}
