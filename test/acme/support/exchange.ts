/** Two clients that stay connected to a relay and send each other packets without a pause, however long it takes. */
import { performance } from 'node:perf_hooks';
import { connectDerp } from '../../../src/client/connect.ts';
import type { DerpClient } from '../../../src/client/derp-client.ts';

/** Time between two packets of one client, milliseconds. */
const PACE_MS = 10;

/** What was seen until now. */
export interface Exchanged {
  sent: number;
  received: number;
  /** The longest time in which a client received nothing, milliseconds. */
  longestGapMs: number;
  /** Why a connection ended; undefined as long as none has. */
  ended: string | undefined;
}

/** Begins; the clients trust authorities in `extraCa` too. */
export async function exchangePackets(host: string, extraCa: string, port = 443): Promise<Exchange> {
  const trust = { kind: 'ca', extraCa } as const;
  const connect = () => connectDerp({ host, port, trust, way: 'upgrade', timeoutMs: 30_000 });
  return new Exchange(await connect(), await connect());
}

class Exchange {
  readonly #clients: readonly DerpClient[];
  readonly #timer: NodeJS.Timeout;
  readonly #lastAt = new Map<DerpClient, number>();
  #sent = 0;
  #received = 0;
  #longest = 0;

  constructor(a: DerpClient, b: DerpClient) {
    this.#clients = [a, b];
    for (const client of this.#clients) {
      this.#lastAt.set(client, performance.now());
      client.handlers.onPacket = () => {
        this.#received++;
        this.#longest = Math.max(this.#longest, performance.now() - this.#lastAt.get(client)!);
        this.#lastAt.set(client, performance.now());
      };
    }
    const packet = Buffer.alloc(200, 7);
    this.#timer = setInterval(() => {
      a.send(b.publicKey, packet);
      b.send(a.publicKey, packet);
      this.#sent += 2;
    }, PACE_MS);
  }

  /** What was seen until now; a gap that has not ended yet counts too. */
  seen(): Exchanged {
    const open = this.#clients.map((client) => performance.now() - this.#lastAt.get(client)!);
    return {
      sent: this.#sent,
      received: this.#received,
      longestGapMs: Math.max(this.#longest, ...open),
      ended: this.#clients.map(({ error }) => error?.message).find((message) => message !== undefined),
    };
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.close();
  }
}
