/** Changed bytes at a relay in a process of its own, over TCP, TLS and UDP, while good clients exchange packets. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeBindingRequest } from '../../src/protocol/stun.ts';
import { RawClient } from '../relay/support/raw-client.ts';
import { connected, drained, fastStart, mustClose, openTcp, openTls } from '../soak/connections.ts';
import { RelayProcess } from '../soak/relay-process.ts';
import { SteadyPair } from '../soak/steady-pair.ts';
import { RelayFault, type Target } from '../soak/target.ts';
import { percentile } from '../soak/trend.ts';
import { mutateBytes } from './mutate.ts';
import { Random } from './random.ts';
import { targets } from './targets/all.ts';

/** Whose inputs are sent over the wire. */
const makerOf = (name: string) => targets.find((target) => target.name === name)!.make;
const clientHello = Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(193, 0x13)]);

/** One connection of each kind; each says one changed input and hangs up. */
const kinds: readonly { name: string; say(target: Target, random: Random): Promise<void> }[] = [
  {
    name: 'TCP, instead of TLS',
    async say(target, random) {
      const socket = openTcp(target.port);
      await connected(socket, 'connect');
      socket.end(mutateBytes(random, random.pick([clientHello, makerOf('first request')(random)])));
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

/** Which connections come from a balancer that sends PROXY headers, told by the address; the rest are strangers. */
const PROXY_FROM = '127.0.0.1';

/** @returns everything that must not be; empty when all is well. Prints what was done. */
export async function fuzzLiveRelay(seconds: number, seed: number): Promise<string[]> {
  const problems: string[] = [];
  const counts = new Map<string, number>();
  for (const proxied of [false, true]) {
    const settings = proxied ? { proxyProtocolFrom: [PROXY_FROM] } : {};
    await using relay = await RelayProcess.start('bin/derp-relay.cjs', settings);
    if (proxied) problems.push(...(await strikeProxied(relay, seconds / 4, seed, counts)));
    else problems.push(...(await strike(relay, seconds, seed, counts)));
  }
  process.stdout.write('\n| live relay | inputs |\n| --- | --- |\n');
  for (const [name, count] of counts) process.stdout.write(`| ${name} | ${count.toLocaleString('en')} |\n`);
  return problems;
}

async function strike(
  relay: RelayProcess,
  seconds: number,
  seed: number,
  counts: Map<string, number>,
): Promise<string[]> {
  const { target } = relay;
  const latencies: number[] = [];
  const pair = await SteadyPair.start(target.port, { every: 10, onLatency: (ms) => latencies.push(ms) });
  const before = { descriptors: relay.descriptors(), rss: (await relay.vars()).memory.rss };
  const until = Date.now() + seconds * 1000;
  const chosen = kinds.filter(({ name }) => !name.includes('PROXY'));
  const problems = await rushes(relay, chosen, until, seed, counts);
  problems.push(...(await stunRush(relay, until, seed, counts)));
  if (relay.obituary !== undefined) return [...problems, `it died: ${relay.obituary}`];
  const after = await settled(relay, 2, before.descriptors);
  const { sent, lost, disordered, closed } = await pair.finish();
  if (lost > 0 || disordered > 0 || closed) problems.push(`the good pair has lost ${lost} of ${sent} packets`);
  problems.push(...after.problems);
  process.stdout.write(
    `\nlive relay: ${sent} good packets, ${lost} lost, p99 ${percentile(latencies, 0.99).toFixed(1)} ms; ` +
      `descriptors ${before.descriptors} before, ${after.descriptors} after; ` +
      `RSS ${before.rss >> 20} MB before, ${after.rss >> 20} MB after; ${after.stalls} stalls\n`,
  );
  return problems;
}

/** The relay behind a balancer: all that reaches it must begin with a PROXY header, so the good pair cannot be there. */
async function strikeProxied(
  relay: RelayProcess,
  seconds: number,
  seed: number,
  counts: Map<string, number>,
): Promise<string[]> {
  const before = relay.descriptors();
  const chosen = kinds.filter(({ name }) => name.includes('PROXY'));
  const problems = await rushes(relay, chosen, Date.now() + seconds * 1000, seed, counts);
  if (relay.obituary !== undefined) return [...problems, `it died: ${relay.obituary}`];
  const deadline = Date.now() + 60_000;
  while ((relay.descriptors() ?? 0) > (before ?? 0) && Date.now() < deadline) await delay(200);
  const after = relay.descriptors();
  if ((after ?? 0) > (before ?? 0)) problems.push(`${after} descriptors are open where ${before} were`);
  return problems;
}

/** Eight at a time. */
async function rushes(
  relay: RelayProcess,
  chosen: typeof kinds,
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

async function stunRush(
  relay: RelayProcess,
  until: number,
  seed: number,
  counts: Map<string, number>,
): Promise<string[]> {
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
    return [`STUN is not answered any more, ${Math.round((Date.now() - until) / 1000)} s after the rush`];
  } finally {
    socket.close();
  }
}

async function settled(relay: RelayProcess, clients: number, descriptors: number | undefined) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const vars = await relay.vars();
    const open = relay.descriptors();
    const quiet = vars.clients === clients && (open ?? 0) <= (descriptors ?? 0);
    if (quiet || Date.now() > deadline) {
      const problems: string[] = [];
      if (!quiet) problems.push(`${vars.clients} clients and ${open} descriptors are left`);
      if (vars.internal_errors > 0) problems.push(`${vars.internal_errors} internal errors`);
      return { descriptors: open, rss: vars.memory.rss, stalls: vars.event_loop.stalls, problems };
    }
    await delay(200);
  }
}
