/** Two fresh clients that exchange packets through the relay. */
import { randomFillSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { DerpClient } from '../../client/derp-client.ts';
import { DerpClientError } from '../../client/errors.ts';
import type { Finding } from '../check.ts';
import { explainLoginFailure } from '../judge-login.ts';
import { type Exchange, judgeExchange } from '../judge-relay.ts';
import { connectOptions, type ProbeSettings } from '../settings.ts';
import { tryConnect } from './login.ts';

/** Time between packets in one direction, in milliseconds: a relay's queue holds few (derper: 32). */
const PACE_MS = 5;
/** More than this many packets are sent several at a time, so that it does not take forever. */
const SINGLE_FILE = 400;

/**
 * Sends packets both ways and counts what arrives. The first client logs in by fast start where the relay offers it, the
 * second by HTTP upgrade, as clients behind an inspecting proxy do.
 */
export async function checkRelay(
  settings: ProbeSettings,
  addresses: readonly string[],
  relayKey: Buffer,
  hasFastStart: boolean,
): Promise<Finding<'relay'>> {
  const common = { ...connectOptions(settings, addresses), serverKey: relayKey };
  const [keyA, keyB] = settings.keyPairs;
  const a = await tryConnect({ ...common, way: hasFastStart ? 'fast-start' : 'upgrade', keyPair: keyA }, settings);
  if (a instanceof DerpClientError) return notConnected('first', a);
  const b = await tryConnect({ ...common, way: 'upgrade', keyPair: keyB }, settings);
  if (b instanceof DerpClientError) {
    a.close();
    return notConnected('second (by HTTP upgrade)', b);
  }
  try {
    const exchange = await exchangePackets(a, b, settings);
    const lost = a.error ?? b.error;
    if (lost) {
      return {
        status: 'failed',
        reason: 'connection-lost',
        detail: `the relay ended a connection while packets were exchanged: ${lost.message}`,
        remedy: "See the relay's log for the reason: its limits, a restart, or a proxy in front with a time limit.",
      };
    }
    return judgeExchange(exchange);
  } finally {
    a.close();
    b.close();
  }
}

function notConnected(which: string, error: DerpClientError): Finding<'relay'> {
  const { detail, ...explanation } = explainLoginFailure(error);
  return { status: 'failed', ...explanation, detail: `the ${which} of two clients could not log in: ${detail}` };
}

/** One direction: what was sent when, and what came. */
class Direction {
  readonly timesMs: number[] = [];
  bytes = 0;
  damaged = 0;
  sent = 0;
  readonly #from: DerpClient;
  readonly #to: DerpClient;
  readonly #waiting = new Map<number, { at: number; packet: Buffer }>();
  readonly #onDone: () => void;
  readonly #settings: ProbeSettings;

  constructor(from: DerpClient, to: DerpClient, settings: ProbeSettings, onDone: () => void) {
    this.#from = from;
    this.#to = to;
    this.#settings = settings;
    this.#onDone = onDone;
    to.handlers.onPacket = (source, packet) => this.#receive(source, packet);
  }

  get isComplete(): boolean {
    return this.sent === this.#settings.packets && this.#waiting.size === 0;
  }

  /** Sends the next packet: its number, then random bytes. */
  send(): void {
    if (this.sent === this.#settings.packets) return;
    const packet = randomFillSync(Buffer.allocUnsafe(this.#settings.packetBytes));
    packet.writeUInt32BE(this.sent, 0);
    this.#waiting.set(this.sent, { at: performance.now(), packet });
    this.sent++;
    this.#from.send(this.#to.publicKey, packet);
  }

  #receive(source: Buffer, packet: Buffer): void {
    // Keys that are not fresh may belong to somebody who gets other packets too.
    if (!source.equals(this.#from.publicKey) || packet.length < 4) return;
    const number = packet.readUInt32BE(0);
    const expected = this.#waiting.get(number);
    if (!expected) return;
    this.#waiting.delete(number);
    this.bytes += packet.length;
    if (packet.equals(expected.packet)) this.timesMs.push(performance.now() - expected.at);
    else this.damaged++;
    if (this.isComplete) this.#onDone();
  }
}

async function exchangePackets(a: DerpClient, b: DerpClient, settings: ProbeSettings): Promise<Exchange> {
  const { packets, timeoutMs, signal } = settings;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const directions: Direction[] = [];
  const onDone = () => {
    if (directions.every(({ isComplete }) => isComplete)) finish();
  };
  directions.push(new Direction(a, b, settings, onDone), new Direction(b, a, settings, onDone));
  a.handlers.onClose = finish;
  b.handlers.onClose = finish;
  const atOnce = Math.ceil(packets / SINGLE_FILE);
  for (let sent = 0; sent < packets && !a.error && !b.error; sent += atOnce) {
    for (let i = 0; i < atOnce; i++) for (const direction of directions) direction.send();
    await delay(PACE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  const timer = setTimeout(finish, timeoutMs);
  signal.addEventListener('abort', finish, { once: true });
  onDone();
  await finished;
  clearTimeout(timer);
  signal.removeEventListener('abort', finish);
  signal.throwIfAborted();
  const sum = (of: (direction: Direction) => number) => directions.reduce((total, each) => total + of(each), 0);
  return {
    sent: sum(({ sent }) => sent),
    bytes: sum(({ bytes }) => bytes),
    damaged: sum(({ damaged }) => damaged),
    timesMs: directions.flatMap(({ timesMs }) => timesMs),
  };
}
