import { performance } from 'node:perf_hooks';
import { onTestFinished, vi } from 'vitest';
import { FrameDecoder } from '../../../src/protocol/frame-decoder.ts';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { Counters, type DropReason, type PacketKind } from '../../../src/relay/counters.ts';
import { Outbox, type Writer } from '../../../src/relay/queues/outbox.ts';
import { type Flushable, type PausedSender, Turn } from '../../../src/relay/queues/turn.ts';
import { CheckedPool } from './checked-pool.ts';

/** A turn that ends when the test says so. */
export class HandTurn extends Turn {
  readonly later: PausedSender[] = [];
  #scheduled: Flushable[] = [];

  override schedule(flushable: Flushable): void {
    this.#scheduled.push(flushable);
  }

  override resumeLater(sender: PausedSender): void {
    this.later.push(sender);
  }

  /** Ends the turn. @returns how many were to be flushed */
  end(): number {
    const scheduled = this.#scheduled;
    this.#scheduled = [];
    for (const flushable of scheduled) flushable.flush();
    return scheduled.length;
  }
}

/** A writer whose writes are done when the test says so. */
export class HandWriter implements Writer {
  /** What was written, as frames: one list for each write. Type and payload in one buffer. */
  readonly writes: Buffer[][] = [];
  unsentBytes = 0;
  /** The memory of the last write, still lent. */
  lent: Buffer = Buffer.alloc(0);

  write(bytes: Buffer): void {
    this.lent = bytes;
    const frames: Buffer[] = [];
    const decoder = new FrameDecoder({
      admit: () => 'read',
      frame: (type, from, start, end) => {
        frames.push(Buffer.concat([Buffer.of(type), from.subarray(start, end)]));
      },
    });
    decoder.push(Buffer.from(bytes));
    if (decoder.pending !== 0) throw new Error('a write ends in the middle of a frame');
    this.writes.push(frames);
  }

  unsent(): number {
    return this.unsentBytes;
  }
}

/** An outbox with everything around it in the test's hands. */
export function makeOutbox() {
  const pool = new CheckedPool();
  const turn = new HandTurn();
  const counters = new Counters();
  const writer = new HandWriter();
  const outbox = new Outbox({ pool, turn, counters }, writer);
  const clock = { now: 10_000 };
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
  onTestFinished(() => spy.mockRestore());
  return {
    pool,
    turn,
    counters,
    writer,
    outbox,
    clock,
    /** Pushes a packet (or disco packet) of `size` bytes numbered `number`. */
    push: (number: number, size: number, kind: PacketKind = 'other'): boolean => {
      const frame = packetFrame(number, size);
      if (kind === 'other') return outbox.pushPacket(frame, 0, frame.length);
      outbox.pushDisco(frame, 0, frame.length);
      return false;
    },
    drops: (reason: DropReason, kind: PacketKind = 'other') => counters.drops[kind][reason],
    /** Lets every write finish, turn after turn, until nothing is left. */
    drain: () => {
      for (let i = 0; i < 10_000 && (turn.end() > 0 || !outbox.empty); i++) outbox.written();
      if (!outbox.empty) throw new Error('the outbox does not drain');
    },
    /** The numbers of all packets written. */
    numbers: () => numbersOf(writer.writes.flat()),
  };
}

/** A RecvPacket frame with `size` bytes of packet (at least four) that begin with its number. */
export function packetFrame(number: number, size: number): Buffer {
  const packet = Buffer.alloc(size, number);
  packet.writeUInt32BE(number);
  return encodeFrame(FrameType.RecvPacket, Buffer.alloc(32, 0x11), packet);
}

/** The numbers of packets among frames, in their order. */
export function numbersOf(frames: readonly Buffer[]): number[] {
  return frames.filter((frame) => frame[0] === FrameType.RecvPacket).map((frame) => frame.readUInt32BE(33));
}
