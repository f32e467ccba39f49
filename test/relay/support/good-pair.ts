import { FrameType } from '../../../src/protocol/frame-types.ts';
import { logIn, type RawClient } from './raw-client.ts';

/** Two well-behaved clients that send each other numbered packets all the time; nothing of theirs may get lost. */
export class GoodPair implements AsyncDisposable {
  readonly #clients: [RawClient, RawClient];
  readonly #sent = [0, 0];
  #timer: NodeJS.Timeout;
  #lastBeat = Date.now();
  /** The longest time in which nothing could be sent, milliseconds: how long this process was held up. */
  longestPause = 0;

  private constructor(clients: [RawClient, RawClient], every: number) {
    this.#clients = clients;
    this.#timer = setInterval(() => this.#send(), every);
  }

  /** Logs both in and has them begin. */
  static async start(port: number, options: { tls?: boolean; every?: number } = {}): Promise<GoodPair> {
    const { tls = true, every = 5 } = options;
    return new GoodPair([await logIn(port, { tls }), await logIn(port, { tls })], every);
  }

  /** Stops sending. @returns the numbers that each side sent and those that the other got of it */
  async finish(): Promise<{ sent: number[]; received: number[][] }> {
    clearInterval(this.#timer);
    const [one, two] = this.#clients;
    await Promise.all([one.settled(), two.settled()]);
    await Promise.all([one.settled(), two.settled()]);
    const received = [two, one].map((client) =>
      client.all(FrameType.RecvPacket).map((payload) => payload.readUInt32BE(32)),
    );
    return { sent: [...this.#sent], received };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
  }

  #send(): void {
    const now = Date.now();
    this.longestPause = Math.max(this.longestPause, now - this.#lastBeat);
    this.#lastBeat = now;
    for (const from of [0, 1] as const) {
      const packet = Buffer.alloc(200, 0x5a);
      packet.writeUInt32BE(this.#sent[from]!++);
      this.#clients[from].sendPacket(this.#clients[1 - from]!.publicKey, packet);
    }
  }
}
