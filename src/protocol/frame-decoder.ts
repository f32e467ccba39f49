import { ProtocolError } from './errors.ts';
import { FRAME_HEADER_LENGTH } from './frame-types.ts';

/** What a decoder does with each frame, and how long a frame of each type may be. */
export interface FrameSink {
  /**
   * How to treat a frame whose header has just been read: its payload is delivered (`'read'`) or passed over without
   * being kept (`'skip'`, what the protocol asks for unknown types). Throws ProtocolError for a length that breaks the
   * type's rule; nothing has been kept for the frame by then, so a header that promises 4 GB costs nothing.
   */
  admit(type: number, length: number): 'read' | 'skip';
  /**
   * A whole payload: `bytes[start … end)`, with the frame's header in the five bytes before it. The memory is lent: it
   * may be written to, and is used again as soon as this returns.
   */
  frame(type: number, bytes: Buffer, start: number, end: number): void;
}

/** Where a decoder keeps a frame that has only partly arrived. */
export interface CarryPool {
  /** A buffer of at least `size` bytes. */
  take(size: number): Buffer;
  /** Takes back a buffer that `take` gave. */
  give(buffer: Buffer): void;
}

/** A pool that pools nothing, for clients and tests. */
export const plainCarryPool: CarryPool = {
  take: (size) => Buffer.allocUnsafe(size),
  give: () => {},
};

/** The first buffer for a partial frame is this big, and grows only as bytes really arrive. */
const FIRST_CARRY = 2048;

/**
 * An incremental decoder of DERP frames: takes the byte stream in whatever pieces it arrives and hands each whole
 * payload to the sink. A payload that lies whole within one piece is handed on in place, without a copy.
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #pool: CarryPool;
  /** Bytes of a partial frame, header included; undefined while none is pending. */
  #carry: Buffer | undefined = undefined;
  #carried = 0;
  /** Header and payload of the frame in #carry, once its header is whole; 0 before. */
  #wanted = 0;
  /** Payload bytes of a skipped frame still to come. */
  #skip = 0;

  constructor(sink: FrameSink, pool: CarryPool = plainCarryPool) {
    this.#sink = sink;
    this.#pool = pool;
  }

  /** Bytes held for a frame that has not wholly arrived. */
  get pending(): number {
    return this.#carried;
  }

  /**
   * Takes the next bytes of the stream, `bytes[start … end)`, and calls the sink for each frame they complete.
   * @throws ProtocolError what the sink threw; the decoder must not be used afterwards
   */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    let offset = start;
    if (this.#carry !== undefined) {
      offset = this.#fill(bytes, offset, end);
      if (offset < 0) return;
      if (this.#carried > 0) this.#finish();
    }
    while (offset < end) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, end - offset);
        this.#skip -= passed;
        offset += passed;
        continue;
      }
      const available = end - offset;
      if (available < FRAME_HEADER_LENGTH) {
        this.#keep(bytes, offset, end, 0);
        return;
      }
      const type = bytes[offset]!;
      const length = readLength(bytes, offset);
      if (this.#sink.admit(type, length) === 'skip') {
        this.#skip = length;
        offset += FRAME_HEADER_LENGTH;
        continue;
      }
      const next = offset + FRAME_HEADER_LENGTH + length;
      if (next > end) {
        this.#keep(bytes, offset, end, next - offset);
        return;
      }
      this.#sink.frame(type, bytes, offset + FRAME_HEADER_LENGTH, next);
      offset = next;
    }
  }

  /** Gives back what is held; for when the connection is gone. */
  release(): void {
    if (this.#carry !== undefined) this.#pool.give(this.#carry);
    this.#carry = undefined;
    this.#carried = 0;
    this.#wanted = 0;
  }

  #keep(bytes: Buffer, start: number, end: number, wanted: number): void {
    const size = end - start;
    this.#carry = this.#pool.take(Math.max(size, wanted === 0 ? FRAME_HEADER_LENGTH : Math.min(wanted, FIRST_CARRY)));
    bytes.copy(this.#carry, 0, start, end);
    this.#carried = size;
    this.#wanted = wanted;
  }

  /** Adds to the partial frame. @returns the offset of the first byte not used, or -1 when all were and more are needed */
  #fill(bytes: Buffer, start: number, end: number): number {
    let offset = start;
    if (this.#wanted === 0) {
      const missing = Math.min(FRAME_HEADER_LENGTH - this.#carried, end - offset);
      this.#append(bytes, offset, missing);
      offset += missing;
      if (this.#carried < FRAME_HEADER_LENGTH) return -1;
      const carry = this.#carry!;
      const length = readLength(carry, 0);
      if (this.#sink.admit(carry[0]!, length) === 'skip') {
        this.release();
        this.#skip = length;
        return offset;
      }
      this.#wanted = FRAME_HEADER_LENGTH + length;
    }
    const missing = Math.min(this.#wanted - this.#carried, end - offset);
    this.#append(bytes, offset, missing);
    offset += missing;
    return this.#carried < this.#wanted ? -1 : offset;
  }

  #append(bytes: Buffer, start: number, size: number): void {
    if (size === 0) return;
    const needed = this.#carried + size;
    if (needed > this.#carry!.length) {
      // Doubling keeps what a slow sender can make us hold within twice of what it really sent.
      const limit = this.#wanted === 0 ? needed : this.#wanted;
      const bigger = this.#pool.take(Math.max(needed, Math.min(limit, this.#carry!.length * 2)));
      this.#carry!.copy(bigger, 0, 0, this.#carried);
      this.#pool.give(this.#carry!);
      this.#carry = bigger;
    }
    bytes.copy(this.#carry!, this.#carried, start, start + size);
    this.#carried = needed;
  }

  #finish(): void {
    const carry = this.#carry!;
    const end = this.#wanted;
    this.#carry = undefined;
    this.#carried = 0;
    this.#wanted = 0;
    try {
      this.#sink.frame(carry[0]!, carry, FRAME_HEADER_LENGTH, end);
    } finally {
      this.#pool.give(carry);
    }
  }
}

function readLength(bytes: Buffer, offset: number): number {
  return (
    ((bytes[offset + 1]! << 24) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 8) | bytes[offset + 4]!) >>> 0
  );
}

/** The error for a payload length that its type does not allow. */
export function badFrameLength(name: string, length: number, rule: string): ProtocolError {
  return new ProtocolError('bad-frame-length', `${name} frame of ${length} bytes: must be ${rule}`);
}
