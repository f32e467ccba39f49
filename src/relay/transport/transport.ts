import type { Writer } from '../queues/outbox.ts';

/** What a transport tells the session that uses it. */
export interface TransportUser {
  /** Bytes arrived: `bytes[start … end)`, lent until this returns. */
  receive(bytes: Buffer, start: number, end: number): void;
  /** The last `write` has left our memory. */
  written(): void;
  /** The connection is gone; called once. */
  closed(): void;
}

/** A two-way byte stream to a client, whatever carries it: TLS, TCP or WebSocket. */
export interface Transport extends Writer {
  /** Starts delivering to `user`. */
  start(user: TransportUser): void;
  /** Stops reading; what was already decrypted may still be delivered. */
  pause(): void;
  resume(): void;
  /** Closes after what was written has been sent. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
