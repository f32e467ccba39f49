import { defaults } from '../defaults.ts';

/** Something that wants a keep-alive now and then. */
export interface KeptAlive {
  sendKeepAlive(): void;
}

/**
 * Keep-alives for any number of clients with a single timer: a wheel with one slot a second. Each client stays in the
 * slot it was put in and is called once a turn of the wheel, so everybody's period is the same and the wheel's size is
 * drawn once for each client from a few wheels of 60 to 65 slots: that is the jitter.
 */
export class KeepAliveWheels {
  readonly #wheels: Set<KeptAlive>[][];
  readonly #timer: NodeJS.Timeout;
  #second = 0;

  constructor(seconds: number = defaults.keepAliveSeconds, jitter: number = defaults.keepAliveJitterSeconds) {
    this.#wheels = Array.from({ length: jitter + 1 }, (_, extra) =>
      Array.from({ length: seconds + extra }, () => new Set<KeptAlive>()),
    );
    this.#timer = setInterval(() => this.tick(), 1000).unref();
  }

  /** Adds a client, whose first keep-alive comes after one whole period. @returns what removes it */
  add(client: KeptAlive): () => void {
    const wheel = this.#wheels[Math.floor(Math.random() * this.#wheels.length)]!;
    const slot = wheel[this.#second % wheel.length]!;
    slot.add(client);
    return () => slot.delete(client);
  }

  /** One second has passed. */
  tick(): void {
    this.#second++;
    for (const wheel of this.#wheels) {
      for (const client of wheel[this.#second % wheel.length]!) client.sendKeepAlive();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
