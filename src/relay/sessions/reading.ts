/** Whether a client is read just now: it is not while it waits for admission, is pushed back, or has sent too fast. */
import { performance } from 'node:perf_hooks';
import type { Counters } from '../counters.ts';
import { type ClientRate, ReceiveBudget } from '../limits/client-rate.ts';
import type { Transport } from '../transport/transport.ts';

/** Why a client is not read; there may be several reasons at once, so each is a bit. */
export const NotRead = { Admitting: 1, PushedBack: 2, OverRate: 4 } as const;
export type NotRead = (typeof NotRead)[keyof typeof NotRead];

/** A client that is over its rate by less than this is read on: the next bytes make it worth a pause. Milliseconds. */
const SHORTEST_PAUSE = 1;

/** Pauses and resumes the reading of one client. */
export class Reading {
  readonly #transport: Transport;
  readonly #counters: Counters;
  /** Why it is not read now; 0 when it is. */
  #reasons = 0;
  #closed = false;
  #budget: ReceiveBudget | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(transport: Transport, counters: Counters) {
    this.#transport = transport;
    this.#counters = counters;
  }

  /** Stops reading for a reason; false when it was one already. */
  stop(reason: NotRead): boolean {
    if ((this.#reasons & reason) !== 0) return false;
    if (this.#reasons === 0) this.#transport.pause();
    this.#reasons |= reason;
    return true;
  }

  /** A reason is gone; reads on when it was the last. */
  resume(reason: NotRead): void {
    if ((this.#reasons & reason) === 0) return;
    this.#reasons &= ~reason;
    if (this.#reasons === 0 && !this.#closed) this.#transport.resume();
  }

  /** Holds the client to a rate from now on, or to none. */
  setRate(rate: ClientRate | null): void {
    if (rate === null) this.#budget = undefined;
    else if (this.#budget === undefined) this.#budget = new ReceiveBudget(rate, performance.now());
    else this.#budget.change(rate, performance.now());
    // Whatever is still to be made up for is reckoned anew with the next bytes.
    this.#endPause();
  }

  /** Counts what was read against the rate, if there is one. */
  count(bytes: number): void {
    if (this.#budget === undefined) return;
    const pause = this.#budget.take(bytes, performance.now());
    if (pause < SHORTEST_PAUSE || !this.stop(NotRead.OverRate)) return;
    this.#counters.ratePauses++;
    this.#timer = setTimeout(() => this.#endPause(), pause);
  }

  /** The client is gone. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #endPause(): void {
    clearTimeout(this.#timer);
    this.resume(NotRead.OverRate);
  }
}
