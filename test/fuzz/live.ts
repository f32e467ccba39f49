/** Changed bytes at a relay in a process of its own, over TCP, TLS and UDP, while good clients exchange packets. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { encodeBindingRequest } from '../../src/protocol/stun.ts';
import type { RelayConfig } from '../../src/relay/config.ts';
import { RawClient } from '../relay/support/raw-client.ts';
import { connected, drained, fastStart, mustClose, openTcp, openTls } from '../soak/connections.ts';
import { RelayProcess } from '../soak/relay-process.ts';
import { SteadyPair } from '../soak/steady-pair.ts';
import { RelayFault, type Target } from '../soak/target.ts';
import { percentile } from '../soak/trend.ts';
import { Random } from './random.ts';
import { targets } from './targets/all.ts';

/** Whose inputs are sent over the wire. */
const makerOf = (name: string) => targets.find((target) => target.name === name)!.make;

/** One connection of each kind; each says one changed input and hangs up. */
interface Kind {
  readonly name: string;
  say(target: Target, random: Random): Promise<void>;
}

const kinds: readonly Kind[] = [
  {
    name: 'TCP, instead of TLS',
    async say(target, random) {
      const socket = openTcp(target.port);
      await connected(socket, 'connect');
      socket.end(makerOf(random.oneIn(3) ? 'first request' : 'ClientHello')(random));
      await mustClose(socket, 'changed bytes over TCP');
    },
  },
  {
    name: 'TCP, PROXY header',
    async say(target, random) {
      const socket = openTcp(target.port);
      await connected(socket, 'connect');
      socket.end(makerOf('PROXY header')(random));
      await mustClose(socket, 'a changed PROXY header');
    },
  },
  {
    name: 'TCP, port 80',
    async say(target, random) {
      const socket = openTcp(target.httpPort);
      await connected(socket, 'connect');
      socket.end(makerOf('first request')(random));
      await mustClose(socket, 'a changed request on port 80');
    },
  },
  {
    name: 'TLS, requests',
    async say(target, random) {
      const socket = await openTls(target.port);
      for (let i = random.below(3); i >= 0 && socket.writable; i--) socket.write(makerOf('first request')(random));
      socket.end();
      await mustClose(socket, 'changed requests');
    },
  },
  {
    name: 'TLS, frames after the login',
    async say(target, random) {
      const socket = await openTls(target.port);
      const client = new RawClient(socket);
      client.write(fastStart(target, client));
      for (let i = random.below(6); i >= 0 && socket.writable; i--) {
        if (!socket.write(makerOf('session')(random))) await drained(socket);
      }
      socket.end();
      await mustClose(socket, 'changed frames');
    },
  },
];

/** One way to run the relay, and what is sent to it. */
interface Variant {
  readonly name: string;
  readonly settings: Partial<RelayConfig>;
  readonly kinds: readonly Kind[];
  /** Good clients are there as well; not behind a balancer, where everything must begin with a PROXY header. */
  readonly pair: boolean;
  readonly stun: boolean;
  /** Of all the time. */
  readonly share: number;
}

/** A folder with a challenge, while which is there every hello is looked into before TLS has it. */
async function challengeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'derp-fuzz-challenge-'));
  await mkdir(join(folder, 'alpn'));
  const { certPem, keyPem } = await makeSelfSignedCertificate('derp.example.com');
  await writeFile(join(folder, 'alpn', 'derp.example.com.pem'), `${keyPem}${certPem}`);
  return folder;
}

/** @returns everything that must not be; empty when all is well. Prints what was done. */
export async function fuzzLiveRelay(seconds: number, seed: number): Promise<string[]> {
  const challengeDirectory = await challengeFolder();
  const [hellos, proxied, ...rest] = kinds;
  const variants: readonly Variant[] = [
    { name: 'plain', settings: {}, kinds: [hellos!, ...rest], pair: true, stun: true, share: 0.6 },
    {
      name: 'with a challenge',
      settings: { challengeDirectory },
      kinds: [hellos!],
      pair: true,
      stun: false,
      share: 0.2,
    },
    {
      name: 'behind a balancer',
      settings: { proxyProtocolFrom: ['127.0.0.1'] },
      kinds: [proxied!],
      pair: false,
      stun: false,
      share: 0.2,
    },
  ];
  process.stdout.write(
    '\n| live relay | inputs | good packets | lost | p99 ms | descriptors before, after | RSS MB before, after | stalls |\n',
  );
  process.stdout.write('| --- | --- | --- | --- | --- | --- | --- | --- |\n');
  try {
    const problems: string[] = [];
    for (const variant of variants) {
      const found = await strike(variant, seconds * variant.share, seed);
      problems.push(...found.map((problem) => `${variant.name}: ${problem}`));
    }
    return problems;
  } finally {
    await rm(challengeDirectory, { recursive: true, force: true });
  }
}

async function strike({ name, settings, kinds: chosen, pair: withPair, stun }: Variant, seconds: number, seed: number) {
  await using relay = await RelayProcess.start('bin/derp-relay.cjs', settings);
  const latencies: number[] = [];
  const onLatency = (milliseconds: number) => latencies.push(milliseconds);
  const pair = withPair ? await SteadyPair.start(relay.target.port, { every: 10, onLatency }) : undefined;
  // The watch over its certificate is opened a moment after the relay says that it listens.
  await delay(1500);
  const before = await look(relay, withPair);
  const counts = new Map<string, number>();
  const until = Date.now() + seconds * 1000;
  const found = await Promise.all([
    rushes(relay, chosen, until, seed, counts),
    stun ? stunRush(relay, seed, counts) : [],
  ]);
  const problems = found.flat();
  if (relay.obituary !== undefined) return [...problems, `it died: ${relay.obituary}`];
  let after = await look(relay, withPair);
  // The last are forgotten by a time-out of ten seconds or thirty.
  for (const deadline = Date.now() + 60_000; !isQuiet(before, after) && Date.now() < deadline; await delay(200)) {
    after = await look(relay, withPair);
  }
  if (!isQuiet(before, after)) problems.push(`${after.clients} clients and ${after.descriptors} descriptors are left`);
  if (after.errors > 0) problems.push(`${after.errors} internal errors`);
  const { sent = 0, lost = 0, disordered, closed } = (await pair?.finish()) ?? {};
  if (lost > 0 || disordered || closed) problems.push(`the good pair has lost ${lost} of ${sent} packets`);
  const inputs = [...counts].map(([kind, count]) => `${count.toLocaleString('en')} ${kind}`).join('; ');
  const cells = [
    ...[`${name}: ${inputs}`, [...counts.values()].reduce((sum, count) => sum + count, 0).toLocaleString('en')],
    ...[sent.toLocaleString('en'), lost, withPair ? percentile(latencies, 0.99).toFixed(1) : '–'],
    ...[`${before.descriptors}, ${after.descriptors}`, `${before.rss}, ${after.rss}`, after.stalls],
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
  return problems;
}

/** The relay at one moment. Behind a balancer nobody may see its counters. */
async function look(relay: RelayProcess, reachable: boolean) {
  const vars = reachable ? await relay.vars() : undefined;
  return {
    clients: vars?.clients ?? 0,
    descriptors: relay.descriptors() ?? 0,
    rss: vars === undefined ? '–' : Math.round(vars.memory.rss / (1 << 20)),
    errors: vars?.internal_errors ?? 0,
    stalls: vars?.event_loop.stalls ?? '–',
  };
}

type Look = Awaited<ReturnType<typeof look>>;
const isQuiet = (before: Look, after: Look) =>
  after.clients === before.clients && after.descriptors <= before.descriptors;

/** Eight at a time. */
async function rushes(
  relay: RelayProcess,
  chosen: readonly Kind[],
  until: number,
  seed: number,
  counts: Map<string, number>,
): Promise<string[]> {
  const problems: string[] = [];
  const rush = async (random: Random) => {
    while (Date.now() < until && relay.obituary === undefined && problems.length < 5) {
      const kind = random.pick(chosen);
      try {
        await kind.say(relay.target, random);
        counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1);
      } catch (error) {
        // Connections that fail are the machine's load, or the relay is dead, which is looked at apart.
        if (error instanceof RelayFault) problems.push(error.message);
        await delay(20);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, i) => rush(new Random(seed, i))));
  return problems;
}

async function stunRush(relay: RelayProcess, seed: number, counts: Map<string, number>): Promise<string[]> {
  const socket = createSocket('udp4').on('error', () => {});
  try {
    socket.connect(relay.target.stunPort, '127.0.0.1');
    await once(socket, 'connect');
    const random = new Random(seed, 99);
    const make = makerOf('STUN request');
    for (let i = 0; i < 20_000; i++) {
      socket.send(make(random), () => {});
      if (i % 100 === 99) await delay(1);
    }
    counts.set('UDP, STUN', 20_000);
    for (let tries = 0; tries < 60; tries++) {
      const heard = once(socket, 'message').then(() => true);
      socket.send(encodeBindingRequest(random.bytes(12)), () => {});
      if (await Promise.race([heard, delay(200, false)])) return [];
    }
    return ['right STUN requests are not answered any more'];
  } finally {
    socket.close();
  }
}
