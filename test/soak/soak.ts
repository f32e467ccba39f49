import { setTimeout as delay } from 'node:timers/promises';
import { Attackers, type AttackPlan, type Tally } from './attackers.ts';
import type { RelayProcess } from './relay-process.ts';
import { SteadyPair } from './steady-pair.ts';
import { judgeTrend, type Point, percentile, type Trend } from './trend.ts';

/** How a soak is done. */
export interface SoakOptions {
  readonly seconds: number;
  readonly sampleSeconds: number;
  readonly pairs: number;
  /** Milliseconds between two packets of one side of a pair. */
  readonly every: number;
  readonly attack: Pick<AttackPlan, 'seed' | 'only' | 'atOnce' | 'pauseMs'>;
  /** The program that runs the attackers. */
  readonly program: URL;
  onSample?(sample: Sample): void;
}

/** The relay and its good clients at one moment; memory in MB, latencies in milliseconds since the last sample. */
export interface Sample {
  readonly at: number;
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
  readonly descriptors: number;
  readonly clients: number;
  readonly stalls: number;
  readonly longestStall: number;
  /** Seconds since the start that its event loop waited for a processor. */
  readonly waited: number;
  readonly p50: number;
  readonly p99: number;
  readonly lost: number;
}

export interface SoakResult {
  readonly before: Sample;
  readonly samples: readonly Sample[];
  /** When the attackers had left and the relay had settled. */
  readonly after: Sample;
  readonly sent: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
  readonly tally: Tally;
  readonly trends: readonly Trend[];
  /** Everything that must not be; empty when all is well. */
  readonly problems: readonly string[];
}

const MB = 1 << 20;

/**
 * How much may seem to grow after the warm-up. RSS: the relay keeps up to 8 MB of free buffers of each of three sizes,
 * which fill by chance as the load comes and goes. Heap: V8 collects when it likes, and young garbage alone is several MB.
 * Descriptors: whoever is connected at the moment; what is left at the end is looked at apart.
 */
const ALLOWANCES = [
  { name: 'rss', most: 24 },
  { name: 'heap', most: 8 },
  { name: 'descriptors', most: 12 },
] as const;

/** Good clients and bad ones at one relay, for as long as one likes. */
export async function soak(relay: RelayProcess, options: SoakOptions): Promise<SoakResult> {
  const latencies: number[] = [];
  let recent: number[] = [];
  const onLatency = (milliseconds: number) => {
    recent.push(milliseconds);
    // Every eighth is enough for the figures of the whole run.
    if (recent.length % 8 === 0) latencies.push(milliseconds);
  };
  const pairs: SteadyPair[] = [];
  for (let i = 0; i < options.pairs; i++) {
    pairs.push(await SteadyPair.start(relay.target.port, { every: options.every, onLatency }));
  }
  const started = performance.now();
  const sample = async (): Promise<Sample> => {
    const { memory, event_loop, clients } = await relay.vars();
    const window = recent;
    recent = [];
    return {
      at: (performance.now() - started) / 1000,
      rss: memory.rss / MB,
      heap: memory.heapUsed / MB,
      external: memory.external / MB,
      descriptors: relay.descriptors() ?? 0,
      clients,
      stalls: event_loop.stalls,
      longestStall: event_loop.longest_stall_ms,
      waited: relay.waitedForProcessor() ?? 0,
      p50: percentile(window, 0.5),
      p99: percentile(window, 0.99),
      lost: pairs.reduce((sum, { figures }) => sum + figures.lost, 0),
    };
  };

  await delay(1000);
  const before = await sample();
  const { publicKey, port, httpPort, stunPort, certificate, guard } = relay.target;
  const attackers = new Attackers(options.program, {
    kind: 'attackers',
    ...options.attack,
    pid: relay.child.pid!,
    target: { port, httpPort, stunPort, certificate, guard, publicKey: publicKey.toString('hex') },
  });
  const samples: Sample[] = [];
  const problems: string[] = [];
  while (performance.now() - started < options.seconds * 1000 && relay.obituary === undefined) {
    await delay(options.sampleSeconds * 1000);
    try {
      const taken = await sample();
      samples.push(taken);
      options.onSample?.(taken);
    } catch (error) {
      problems.push(`no sample: ${(error as Error).message}`);
      break;
    }
  }
  if (relay.obituary !== undefined) {
    await attackers.stop();
    throw new Error(`the relay died: ${relay.obituary}`);
  }
  await attackers.stop();
  const after = await settle(sample, before.clients, before.descriptors);
  const { internal_errors, queued_bytes } = await relay.vars();
  const figures = await Promise.all(pairs.map((pair) => pair.finish()));

  const [sent, lost] = (['sent', 'lost'] as const).map((name) => figures.reduce((sum, one) => sum + one[name], 0)) as [
    number,
    number,
  ];
  const disordered = figures.reduce((sum, one) => sum + one.disordered, 0);
  const trends = ALLOWANCES.map((allowance) =>
    judgeTrend(
      samples.map((one): Point => ({ at: one.at, value: one[allowance.name] })),
      allowance,
    ),
  );
  problems.push(...attackers.tally.found);
  if (lost > 0) problems.push(`the good clients have lost ${lost} of ${sent} packets`);
  if (disordered > 0)
    problems.push(`${disordered} packets came out of order, twice, or with a notice that a peer is gone`);
  if (figures.some(({ closed }) => closed)) problems.push('a good client was disconnected');
  if (internal_errors > 0) problems.push(`the relay counts ${internal_errors} internal errors`);
  if (after.clients !== before.clients) problems.push(`${after.clients} clients are left of ${before.clients}`);
  if (after.descriptors > before.descriptors + 2) {
    problems.push(`${after.descriptors} descriptors are open where ${before.descriptors} were at the start`);
  }
  if (queued_bytes > MB) problems.push(`${queued_bytes} bytes still wait to be sent`);
  for (const { name, growth, most, rising } of trends) {
    if (rising) problems.push(`${name} grows: by ${growth.toFixed(1)} after the warm-up, more than ${most}`);
  }
  const { tally } = attackers;
  return {
    ...{ before, samples, after, sent, lost, tally, trends, problems },
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

/** Waits until those who are gone are forgotten: the last of them by a time-out of ten seconds or thirty. */
async function settle(sample: () => Promise<Sample>, clients: number, descriptors: number): Promise<Sample> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const taken = await sample();
    if (taken.clients === clients && taken.descriptors <= descriptors) return taken;
    if (performance.now() > deadline) return taken;
    await delay(500);
  }
}
