import { performance } from 'node:perf_hooks';
import { FrameDecoder } from '../../src/protocol/frame-decoder.ts';
import { FrameType } from '../../src/protocol/frame-types.ts';
import { logIn, type RawClient } from '../relay/support/raw-client.ts';

/** What became of the numbered packets of one direction. */
export class Receiver {
  expected = 0;
  lost = 0;
  disordered = 0;
  goneNotices = 0;

  take(number: number): void {
    if (number < this.expected) {
      this.disordered++;
      return;
    }
    this.lost += number - this.expected;
    this.expected = number + 1;
  }
}

/** Number and time of sending stand at the start of each packet. */
const STAMP = 4 + 8;

/**
 * Two well-behaved clients that send each other numbered packets for hours; keeps figures, not packets. Latencies are
 * those of the whole way: this process, the relay, this process.
 */
export class SteadyPair {
  readonly #clients: [RawClient, RawClient];
  readonly #receivers = [new Receiver(), new Receiver()] as const;
  readonly #sent: [number, number] = [0, 0];
  readonly #timer: NodeJS.Timeout;
  readonly #onLatency: (milliseconds: number) => void;
  #closed = false;

  private constructor(clients: [RawClient, RawClient], every: number, onLatency: (milliseconds: number) => void) {
    this.#clients = clients;
    this.#onLatency = onLatency;
    for (const side of [0, 1] as const) this.#listen(side);
    this.#timer = setInterval(() => this.#send(), every);
  }

  /** Logs both in and has them begin. @param every milliseconds between two packets of one side */
  static async start(
    port: number,
    { every = 20, onLatency = () => {} }: { every?: number; onLatency?: (milliseconds: number) => void } = {},
  ): Promise<SteadyPair> {
    return new SteadyPair([await logIn(port), await logIn(port)], every, onLatency);
  }

  /** What has become of the packets so far. Those under way count neither as lost nor as received. */
  get figures(): { sent: number; received: number; lost: number; disordered: number; closed: boolean } {
    const [one, two] = this.#receivers;
    const lost = one.lost + two.lost;
    return {
      sent: this.#sent[0] + this.#sent[1],
      received: one.expected + two.expected - lost,
      lost,
      disordered: one.disordered + two.disordered + one.goneNotices + two.goneNotices,
      closed: this.#closed,
    };
  }

  /** Stops sending, waits until all has arrived that will, and leaves. @returns the last figures */
  async finish(patience = 30_000): Promise<SteadyPair['figures']> {
    clearInterval(this.#timer);
    const deadline = performance.now() + patience;
    const missing = () => this.figures.sent - this.figures.received - this.figures.lost;
    // What was sent last is not followed by a packet that would show it to be lost, so it is waited for.
    while (missing() > 0 && !this.#closed && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { sent, received, ...rest } = this.figures;
    for (const client of this.#clients) client.socket.destroy();
    return { ...rest, sent, received, lost: sent - received };
  }

  #listen(side: 0 | 1): void {
    const { socket } = this.#clients[side];
    const decoder = new FrameDecoder({
      admit: () => 'read',
      frame: (type, bytes, start) => this.#receive(side, type, bytes, start),
    });
    // From here on nothing is to be kept.
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => decoder.push(chunk));
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  #receive(side: 0 | 1, type: number, bytes: Buffer, start: number): void {
    if (type === FrameType.Ping) this.#clients[side].send(FrameType.Pong, bytes.subarray(start, start + 8));
    if (type === FrameType.PeerGone) this.#receivers[side].goneNotices++;
    if (type !== FrameType.RecvPacket) return;
    const packet = start + 32;
    this.#receivers[side].take(bytes.readUInt32BE(packet));
    this.#onLatency(performance.now() - bytes.readDoubleBE(packet + 4));
  }

  #send(): void {
    if (this.#closed) return;
    for (const side of [0, 1] as const) {
      const number = this.#sent[side]++;
      // Sizes from one small packet to a full one, in turns.
      const packet = Buffer.alloc(STAMP + ((number * 97) % 1300), number);
      packet.writeUInt32BE(number, 0);
      packet.writeDoubleBE(performance.now(), 4);
      this.#clients[side].sendPacket(this.#clients[1 - side]!.publicKey, packet);
    }
  }
}
