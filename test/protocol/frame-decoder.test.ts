import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/protocol/errors.ts';
import { badFrameLength, type CarryPool, FrameDecoder, type FrameSink } from '../../src/protocol/frame-decoder.ts';
import { encodeFrame } from '../../src/protocol/frame-encoder.ts';

interface Frame {
  type: number;
  payload: string;
}

/** Keeps every frame; skips odd types from 0x80 up; refuses payloads over `limit`. */
class Recorder implements FrameSink {
  readonly frames: Frame[] = [];
  readonly limit: number;

  constructor(limit = 1 << 20) {
    this.limit = limit;
  }

  admit(type: number, length: number): 'read' | 'skip' {
    if (type >= 0x80) return 'skip';
    if (length > this.limit) throw badFrameLength('test', length, `at most ${this.limit} bytes`);
    return 'read';
  }

  frame(type: number, bytes: Buffer, start: number, end: number): void {
    // The header must lie in front of the payload, whichever buffer it is in.
    expect(bytes[start - 5]).toBe(type);
    expect(bytes.readUInt32BE(start - 4)).toBe(end - start);
    this.frames.push({ type, payload: bytes.toString('hex', start, end) });
    // Lent memory may be written to: what was delivered before must not change by it.
    bytes.fill(0xee, start, end);
  }
}

/** A pool that checks that everything taken is given back, once. */
class CountingPool implements CarryPool {
  readonly out = new Set<Buffer>();
  largest = 0;

  take(size: number): Buffer {
    const buffer = Buffer.alloc(size);
    this.largest = Math.max(this.largest, size);
    this.out.add(buffer);
    return buffer;
  }

  give(buffer: Buffer): void {
    expect(this.out.delete(buffer)).toBe(true);
  }
}

const anyFrame = fc.record({
  type: fc.integer({ min: 0, max: 0xff }),
  payload: fc.uint8Array({ maxLength: 6000 }).map((bytes) => Buffer.from(bytes)),
});

/** Cuts `bytes` at the given fractions. */
function cut(bytes: Buffer, fractions: number[]): Buffer[] {
  const at = fractions.map((f) => Math.floor(f * bytes.length)).sort((a, b) => a - b);
  return [0, ...at].map((start, i) => Buffer.from(bytes.subarray(start, at[i] ?? bytes.length)));
}

describe('FrameDecoder', () => {
  it('delivers the same frames however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 12 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map((frame) => encodeFrame(frame.type, frame.payload)));
          const recorder = new Recorder();
          const pool = new CountingPool();
          const decoder = new FrameDecoder(recorder, pool);
          for (const piece of cut(bytes, cuts)) decoder.push(piece);
          expect(recorder.frames).toEqual(
            frames
              .filter((frame) => frame.type < 0x80)
              .map((frame) => ({ type: frame.type, payload: frame.payload.toString('hex') })),
          );
          expect(pool.out.size).toBe(0);
          expect(decoder.pending).toBe(0);
        },
      ),
    );
  });

  it('survives one byte at a time', () => {
    const recorder = new Recorder();
    const pool = new CountingPool();
    const decoder = new FrameDecoder(recorder, pool);
    const bytes = Buffer.concat([
      encodeFrame(1, Buffer.alloc(0)),
      encodeFrame(0x90, Buffer.alloc(7)),
      encodeFrame(2, Buffer.from('abcd', 'hex')),
    ]);
    for (const byte of bytes) decoder.push(Buffer.of(byte));
    expect(recorder.frames).toEqual([
      { type: 1, payload: '' },
      { type: 2, payload: 'abcd' },
    ]);
    expect(pool.out.size).toBe(0);
  });

  it('decodes a part of a larger buffer and nothing around it', () => {
    const recorder = new Recorder();
    const bytes = Buffer.concat([
      Buffer.from('ffff', 'hex'),
      encodeFrame(3, Buffer.from('01', 'hex')),
      Buffer.alloc(9),
    ]);
    new FrameDecoder(recorder).push(bytes, 2, bytes.length - 9);
    expect(recorder.frames).toEqual([{ type: 3, payload: '01' }]);
  });

  it('passes over a skipped frame of 4 GB without keeping any of it', () => {
    const recorder = new Recorder();
    const pool = new CountingPool();
    const decoder = new FrameDecoder(recorder, pool);
    decoder.push(Buffer.from('90ffffffff', 'hex'));
    for (let i = 0; i < 100; i++) decoder.push(Buffer.alloc(65_536, 0x04));
    expect(recorder.frames).toEqual([]);
    expect(decoder.pending).toBe(0);
    expect(pool.largest).toBe(0);
  });

  it('throws for a 4 GB frame of a known type at its header, whether that came whole or in pieces', () => {
    const header = Buffer.from('04ffffffff', 'hex');
    for (let split = 0; split < header.length; split++) {
      const decoder = new FrameDecoder(new Recorder());
      expect(() => {
        decoder.push(header.subarray(0, split));
        decoder.push(header.subarray(split));
      }).toThrow(ProtocolError);
    }
  });

  it('keeps no more than about twice what really arrived of a promised frame', () => {
    const pool = new CountingPool();
    const decoder = new FrameDecoder(new Recorder(), pool);
    decoder.push(Buffer.concat([Buffer.from('0400010000', 'hex'), Buffer.alloc(10)]));
    expect(pool.largest).toBeLessThanOrEqual(2048);
    decoder.push(Buffer.alloc(3000));
    expect(pool.largest).toBeLessThanOrEqual(2 * 3015);
    decoder.release();
    expect(pool.out.size).toBe(0);
  });

  it('throws nothing but ProtocolError for random bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (pieces) => {
        const decoder = new FrameDecoder(new Recorder(1000));
        try {
          for (const piece of pieces) decoder.push(Buffer.from(piece));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
