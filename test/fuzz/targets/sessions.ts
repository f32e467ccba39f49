/** A whole session: the login, then changed frames, at a relay with two other clients who look at what comes out. */
import { seal, sharedKey } from '../../../src/protocol/box.ts';
import { looksLikeDisco } from '../../../src/protocol/disco.ts';
import { FrameDecoder } from '../../../src/protocol/frame-decoder.ts';
import {
  encodeClientInfo,
  encodeFrame,
  encodeKeepAlive,
  encodeServerKey,
} from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { keyPairOf } from '../../../src/protocol/keys.ts';
import { defaultRelayConfig } from '../../../src/relay/config.ts';
import { Counters } from '../../../src/relay/counters.ts';
import { ClientRates } from '../../../src/relay/limits/client-rates.ts';
import { createLog } from '../../../src/relay/log.ts';
import { Noise } from '../../../src/relay/noise.ts';
import { type Flushable, Turn } from '../../../src/relay/queues/turn.ts';
import { KeepAliveWheels } from '../../../src/relay/sessions/keep-alive-wheel.ts';
import { Session } from '../../../src/relay/sessions/session.ts';
import type { SessionContext } from '../../../src/relay/sessions/session-context.ts';
import { Switchboard } from '../../../src/relay/sessions/switchboard.ts';
import type { Transport, TransportUser } from '../../../src/relay/transport/transport.ts';
import { CheckedPool } from '../../relay/support/checked-pool.ts';
import { mutateBytes } from '../mutate.ts';
import { hashOf, Random } from '../random.ts';
import { type FuzzTarget, promise } from '../target.ts';

const relayKey = keyPairOf(Buffer.alloc(32, 0x42));
const pairs = [0x17, 0x18, 0x19].map((byte) => keyPairOf(Buffer.alloc(32, byte)));
const keys = pairs.map(({ publicKey }) => publicKey);
const logins = pairs.map((pair) =>
  encodeClientInfo(pair.publicKey, seal(sharedKey(pair, relayKey.publicKey), Buffer.from('{"version":2}'))),
);
const silent = createLog('silent', () => {});
const noise = new Noise(silent);
noise.stop();
const keepAlives = new KeepAliveWheels();
keepAlives.stop();
const clientRates = await ClientRates.open(
  { ...defaultRelayConfig, hostname: 'derp.example.com', certificate: null, keyFile: 'unused' },
  { log: silent, clients: new Set() },
);

/** Ends a turn when it is told to. */
class HandTurn extends Turn {
  #scheduled: Flushable[] = [];

  override schedule(flushable: Flushable): void {
    this.#scheduled.push(flushable);
  }

  override resumeLater(): void {}

  end(): void {
    const scheduled = this.#scheduled;
    this.#scheduled = [];
    for (const flushable of scheduled) flushable.flush();
  }
}

/** Takes what the relay writes, and says that it is written when it is told to. */
class HandTransport implements Transport {
  readonly packets: string[] = [];
  readonly disco: string[] = [];
  user: TransportUser | undefined;
  closed = false;
  #underWay = false;

  start(user: TransportUser): void {
    this.user = user;
  }

  write(bytes: Buffer): void {
    promise(!this.#underWay, () => 'a write while another is under way');
    this.#underWay = true;
    const decoder = new FrameDecoder({
      admit: () => 'read',
      frame: (type, frame, start, end) => {
        if (type !== FrameType.RecvPacket) return;
        const line = hashOf(frame.subarray(start, end)).toString(16);
        (looksLikeDisco(frame, start + 32, end) ? this.disco : this.packets).push(line);
      },
    });
    decoder.push(Buffer.from(bytes));
    promise(decoder.pending === 0, () => 'a write ends in the middle of a frame');
  }

  written(): void {
    if (!this.#underWay) return;
    this.#underWay = false;
    this.user?.written();
  }

  unsent(): number {
    return 0;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    this.closed = true;
  }
}

/** What must come of a stream, found out the simplest way. */
function expected(stream: Buffer): { to: string[][]; disco: string[][]; broken: boolean } {
  const to: string[][] = [[], [], []];
  const disco: string[][] = [[], [], []];
  const rules: Record<number, [number, number]> = { 4: [32, 32 + 65_536], 7: [1, 1], 18: [8, 1000] };
  for (let at = 0; at + 5 <= stream.length; ) {
    const type = stream[at]!;
    const length = stream.readUInt32BE(at + 1);
    const rule = rules[type];
    if ([0x0a, 0x10, 0x11].includes(type) || (rule && (length < rule[0] || length > rule[1]))) {
      return { to, disco, broken: true };
    }
    const payload = stream.subarray(at + 5, at + 5 + length);
    if (payload.length < length) break;
    if (type === FrameType.SendPacket) {
      const whom = keys.findIndex((key) => key.equals(payload.subarray(0, 32)));
      const relayed = Buffer.concat([keys[0]!, payload.subarray(32)]);
      if (whom >= 0) (looksLikeDisco(relayed, 32) ? disco : to)[whom]!.push(hashOf(relayed).toString(16));
    }
    at += 5 + length;
  }
  return { to, disco, broken: false };
}

const discoPacket = Buffer.concat([Buffer.from('5453f09f92ac', 'hex'), Buffer.alloc(60, 1)]);
const frames = [
  ...keys.map((key, i) => encodeFrame(FrameType.SendPacket, key, Buffer.alloc(50, i))),
  encodeFrame(FrameType.SendPacket, keys[1]!, discoPacket),
  encodeFrame(FrameType.SendPacket, Buffer.alloc(32, 0x77), discoPacket),
  encodeFrame(FrameType.SendPacket, keys[2]!, Buffer.alloc(2500, 9)),
  encodeFrame(FrameType.Ping, Buffer.alloc(8, 3)),
  encodeFrame(FrameType.NotePreferred, Buffer.of(1)),
  encodeFrame(0x44, Buffer.alloc(9)),
];

function checkSession(input: Buffer): boolean {
  const random = new Random(hashOf(input));
  const pool = new CheckedPool();
  const turn = new HandTurn();
  const counters = new Counters();
  const context: SessionContext = {
    ...{ keyPair: relayKey, serverKeyFrame: encodeServerKey(relayKey.publicKey), keepAliveFrame: encodeKeepAlive() },
    ...{ pool, carryPool: pool, turn, counters, switchboard: new Switchboard(counters), sessions: new Set() },
    ...{ keepAlives, clientRates, admit: () => ({ admitted: true }) as const, log: silent, noise, writeTimeoutMs: 0 },
  };
  const transports = keys.map(() => new HandTransport());
  const sessions = transports.map(
    (transport) => new Session(context, transport, { address: '192.0.2.1', port: 1, way: 'upgrade', idealNode: '' }),
  );
  const settle = () => {
    for (let i = 0; i < 100; i++) {
      turn.end();
      for (const transport of transports) transport.written();
    }
  };
  try {
    for (const [i, session] of sessions.entries()) session.start(Buffer.alloc(0), logins[i]!);
    promise(counters.clients === 3, () => 'a right login was refused');
    settle();
    for (let at = 0; at < input.length && !transports[0]!.closed; ) {
      const end = Math.min(input.length, at + 1 + random.length(3000));
      // The relay may write to what it is lent.
      const lent = Buffer.from(input.subarray(at, end));
      sessions[0]!.receive(lent, 0, lent.length);
      lent.fill(0xcc);
      at = end;
      turn.end();
      if (random.oneIn(2)) transports[random.below(3)]!.written();
    }
    settle();
    const { to, disco, broken } = expected(input);
    for (const i of [1, 2]) {
      const transport = transports[i]!;
      promise(transport.packets.join() === to[i]!.join(), () => `client ${i}: ${transport.packets} not ${to[i]}`);
      promise(transport.disco.join() === disco[i]!.join(), () => `client ${i}: disco packets`);
      promise(!transport.closed, () => `client ${i}, which did nothing, was disconnected`);
    }
    promise(transports[0]!.closed === broken, () => `broken: ${broken}, closed: ${transports[0]!.closed}`);
    promise(counters.internalErrors === 0, () => 'an internal error');
    return !broken;
  } finally {
    for (const session of sessions) session.close();
    turn.end();
    turn.stop();
    promise(pool.outstanding === 0, () => `${pool.outstanding} bytes are out when all have gone`);
    promise(counters.clients === 0 && counters.homeClients === 0, () => 'clients are counted when all have gone');
  }
}

export const sessionTargets: readonly FuzzTarget[] = [
  {
    name: 'session',
    share: 0.3,
    make: (random) => {
      const chosen = Array.from({ length: 1 + random.below(12) }, () => random.pick(frames));
      return mutateBytes(random, Buffer.concat(chosen), { most: 12_000 });
    },
    check: checkSession,
  },
];
