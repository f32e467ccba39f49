import { performance } from 'node:perf_hooks';
import { FRAME_HEADER_LENGTH, KEY_LENGTH } from '../../protocol/frame-types.ts';
import type { Counters, DropReason, PacketKind } from '../counters.ts';
import { defaults } from '../defaults.ts';
import type { BufferPool } from './buffer-pool.ts';
import { PacketQueue, type Segment } from './packet-queue.ts';
import type { PausedSender, Turn } from './turn.ts';

/** Where an outbox writes to. Exactly one `written` follows each `write`, unless the connection closes first. */
export interface Writer {
  write(bytes: Buffer): void;
  /** Bytes that the system has not taken yet, if that can be told; any change of it counts as progress. */
  unsent(): number;
}

/** What every outbox of a relay shares. */
export interface OutboxContext {
  readonly pool: BufferPool;
  readonly turn: Turn;
  readonly counters: Counters;
}

const PACKET_OVERHEAD = FRAME_HEADER_LENGTH + KEY_LENGTH;

/**
 * All that waits to be written to one client: packets, disco packets and control frames, each in a bounded queue.
 * What comes in during a turn leaves in one write at its end. While a write is under way everything waits here, never
 * in the socket, so that the oldest packets can make room when the client is slow.
 */
export class Outbox {
  readonly #context: OutboxContext;
  readonly #writer: Writer;
  readonly #packets: PacketQueue;
  #disco: PacketQueue | undefined = undefined;
  #control: PacketQueue | undefined = undefined;
  #controlWrites = 0;
  #writing: Segment | undefined = undefined;
  #scheduled = false;
  #closed = false;
  #progressAt = 0;
  #unsent = 0;
  #waiting: PausedSender[] | undefined = undefined;
  readonly #dropOldestPacket = (length: number) => this.#drop('queue_head', 'other', length);

  constructor(context: OutboxContext, writer: Writer) {
    this.#context = context;
    this.#writer = writer;
    this.#packets = new PacketQueue(context.pool);
  }

  /** Bytes waiting, not counting the write under way. */
  get bytes(): number {
    return this.#packets.bytes + (this.#disco?.bytes ?? 0) + (this.#control?.bytes ?? 0);
  }

  /** How often the control frames that waited have been written: it changes when none of those before is left here. */
  get controlWrites(): number {
    return this.#controlWrites;
  }

  /** Nothing is waiting and nothing is under way. */
  get empty(): boolean {
    return this.#writing === undefined && this.bytes === 0;
  }

  /**
   * Queues one RecvPacket frame, `bytes[start … end)`, header included.
   * @returns true when the queue is filling and its senders should be slowed down
   */
  pushPacket(bytes: Buffer, start: number, end: number): boolean {
    const packets = this.#packets;
    packets.push(bytes, start, end);
    const pressed = this.#context.pool.outstanding > defaults.memoryPressure;
    if (packets.bytes <= (pressed ? defaults.queueBytesUnderPressure : defaults.pushBackQueueBytes)) {
      if (!this.#scheduled) this.#schedule();
      return false;
    }
    // Do not wait for the end of the turn with whole buffers at hand.
    if (this.#writing === undefined) this.flush();
    const maxBytes = pressed ? defaults.queueBytesUnderPressure : defaults.queueBytes;
    packets.trim(defaults.queuePackets, maxBytes, this.#dropOldestPacket);
    return packets.bytes > defaults.pushBackQueueBytes && this.#worthSlowing();
  }

  /** Queues one RecvPacket frame that carries a disco packet. */
  pushDisco(bytes: Buffer, start: number, end: number): void {
    this.#disco ??= new PacketQueue(this.#context.pool);
    this.#disco.push(bytes, start, end);
    if (this.#disco.frames > defaults.queuePackets) {
      this.#disco.trim(defaults.queuePackets, defaults.controlQueueBytes, (length) =>
        this.#drop('queue_head', 'disco', length),
      );
    }
    if (!this.#scheduled) this.#schedule();
  }

  /** Queues a frame of the relay's own (greeting, pong, keep-alive, PeerGone …). */
  pushControl(frame: Buffer): void {
    if (this.#closed) return;
    this.#control ??= new PacketQueue(this.#context.pool);
    this.#control.push(frame, 0, frame.length);
    this.#control.trim(1, defaults.controlQueueBytes, () => {});
    if (!this.#scheduled) this.#schedule();
  }

  /** Resumes `sender` when this queue has drained, or after the longest push-back time. */
  pushBack(sender: PausedSender): void {
    this.#context.counters.pushBacks++;
    this.#waiting ??= [];
    this.#waiting.push(sender);
    this.#context.turn.resumeLater(sender);
  }

  /** Writes the next batch, unless a write is under way. */
  flush(): void {
    this.#scheduled = false;
    if (this.#writing !== undefined || this.#closed) return;
    const segment = this.#next();
    if (segment === undefined) return;
    this.#writing = segment;
    this.#progressAt = 0;
    const { counters } = this.#context;
    counters.writes++;
    counters.framesSent += segment.frames;
    counters.bytesSent += segment.tail - segment.head;
    this.#writer.write(segment.buffer.subarray(segment.head, segment.tail));
  }

  /** The write that was under way is done. */
  written(): void {
    const segment = this.#writing;
    if (segment === undefined) return;
    this.#writing = undefined;
    this.#context.pool.give(segment.buffer);
    if (this.#waiting !== undefined && this.#packets.bytes <= defaults.pushBackQueueBytes / 2) this.#resumeWaiting();
    this.flush();
  }

  /**
   * How long the write under way has made no progress, milliseconds; 0 when none is. Called at intervals: the clock
   * starts with the first call that finds the write, so that the hot path need not look at the time.
   */
  stuckFor(now: number): number {
    if (this.#writing === undefined) return 0;
    const unsent = this.#writer.unsent();
    if (this.#progressAt === 0 || unsent !== this.#unsent) {
      this.#progressAt = now;
      this.#unsent = unsent;
    }
    return now - this.#progressAt;
  }

  /** The connection is gone: everything that waited is dropped and counted. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { pool, counters } = this.#context;
    this.#packets.clear((length) => this.#drop('gone_disconnected', 'other', length));
    this.#disco?.clear((length) => this.#drop('gone_disconnected', 'disco', length));
    this.#control?.clear(() => {});
    if (this.#writing !== undefined) {
      // The system may still be reading from the buffer, so it is left to the garbage collector, not to the pool.
      const { buffer, head, tail, frames } = this.#writing;
      pool.forget(buffer);
      counters.dropMany('write_error', 'other', frames, tail - head - frames * PACKET_OVERHEAD);
      this.#writing = undefined;
    }
    this.#resumeWaiting();
  }

  #schedule(): void {
    if (this.#closed || this.#writing !== undefined) return;
    this.#scheduled = true;
    this.#context.turn.schedule(this);
  }

  #next(): Segment | undefined {
    const small = (this.#control?.bytes ?? 0) + (this.#disco?.bytes ?? 0);
    if (small === 0) return this.#packets.take();
    this.#controlWrites++;
    if (this.#packets.room >= small) {
      const segment = this.#packets.take()!;
      this.#control?.moveInto(segment);
      this.#disco?.moveInto(segment);
      return segment;
    }
    return this.#control?.take() ?? this.#disco?.take();
  }

  /**
   * Slowing senders down helps when the relay reads faster than it writes: a write that has only just begun, or a loop
   * that is busy all the time. A receiver that has not taken bytes for long is another matter: its packets are dropped,
   * and what its senders send to others must not suffer.
   */
  #worthSlowing(): boolean {
    const now = performance.now();
    if (this.#progressAt === 0) {
      this.#progressAt = now;
      this.#unsent = this.#writer.unsent();
    }
    const age = now - this.#progressAt;
    return age < defaults.slowReceiverTime || (this.#context.turn.saturated && age < defaults.stuckReceiverTime);
  }

  #resumeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) for (const sender of waiting) sender.resumeAfterPushBack();
  }

  #drop(reason: DropReason, kind: PacketKind, frameLength: number): void {
    this.#context.counters.drop(reason, kind, frameLength - PACKET_OVERHEAD);
  }
}
