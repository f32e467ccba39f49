// The program of `npm run soak`; see its --help.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, workerData } from 'node:worker_threads';
import { type AttackPlan, attack } from './attackers.ts';
import { drawChart } from './chart.ts';
import { faults } from './faults/all.ts';
import { makeGuard } from './guard.ts';
import { compareCosts, costTable, serveWithBills } from './refusals.ts';
import { RelayProcess } from './relay-process.ts';
import { type Sample, type SoakResult, soak } from './soak.ts';
import { medianOf } from './trend.ts';

const HELP = `npm run soak -- [--minutes 5] [--each SECONDS | --refusals N] [--svg FILE] [--json FILE]

Attacks a relay in a process of its own with all faults of test/soak/faults at a moderate rate while good clients send
each other numbered packets, and fails when they lose one, the relay dies, or its memory or descriptors grow.

  --minutes N     how long (default 5)
  --each S        each fault alone for S seconds instead, as fast as one attacker can; prints a Markdown table
  --only NAMES    these faults only, separated by commas
  --refusals N    what N connections that an allow list refuses cost the relay, in CPU time, beside a tenth as many
                  logins, three times each; fails when they cost more
  --svg FILE      the chart (default soak.svg in the folder for temporary files of this run: not kept)
  --json FILE     all samples and figures
  --pairs N       good pairs (default 4)      --every MS     between two of their packets (default 20)
  --at-once N     attackers (default 3)       --pause MS     of an attacker between two strikes (default 300)
  --sample S      seconds between samples (default 5)
  --seed N        for the attackers (default: the time)
`;

/** The argument with which the program is a relay that `--refusals` measures. */
const SERVE = 'serve';

const say = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      minutes: { type: 'string', default: '5' },
      each: { type: 'string' },
      only: { type: 'string', default: '' },
      refusals: { type: 'string' },
      svg: { type: 'string' },
      json: { type: 'string' },
      pairs: { type: 'string', default: '4' },
      every: { type: 'string', default: '20' },
      'at-once': { type: 'string', default: '3' },
      pause: { type: 'string', default: '300' },
      sample: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const number = (name: Exclude<keyof typeof values, 'help'>): number => {
    const value = Number(values[name]);
    if (!(value >= 0)) throw new Error(`--${name} ${values[name]} is not a number`);
    return value;
  };
  if (values.refusals !== undefined) return refusals(number('refusals'));
  const common = {
    pairs: number('pairs'),
    every: number('every'),
    program: new URL(import.meta.url),
  };
  const only = values.only.split(',').flatMap((name) => name.trim() || []);
  for (const name of only) {
    if (!faults.some((fault) => fault.name === name)) throw new Error(`--only ${name} is no fault`);
  }
  const seed = number('seed');
  say(`seed ${seed}`);
  if (values.each !== undefined) return eachAlone({ ...common, seconds: number('each'), seed, only });

  await using guarded = await makeGuard();
  await using relay = await RelayProcess.start('bin/derp-relay.cjs', guarded.settings, guarded.guard);
  const seconds = number('minutes') * 60;
  const result = await soak(relay, {
    ...common,
    seconds,
    sampleSeconds: number('sample'),
    attack: { seed, only, atOnce: number('at-once'), pauseMs: number('pause') },
    onSample: (sample) => say(sampleLine(sample)),
  });
  for (const line of summary(result)) process.stdout.write(`${line}\n`);
  if (values.svg !== undefined) save(values.svg, chartOf(result));
  if (values.json !== undefined) save(values.json, `${JSON.stringify(result, null, 1)}\n`);
  return result.problems.length === 0 ? 0 : 1;
}

async function refusals(refused: number): Promise<number> {
  const counts = { refused, admitted: Math.ceil(refused / 10) };
  const program = new URL(import.meta.url);
  const costs = await compareCosts({ ...counts, rounds: 3, program, argument: SERVE });
  for (const line of costTable(costs, counts)) process.stdout.write(`${line}\n`);
  const isCheaper = medianOf(costs.refused) < medianOf(costs.admitted);
  if (!isCheaper) process.stderr.write('PROBLEM those who are refused cost more\n');
  return isCheaper ? 0 : 1;
}

function save(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Each fault by itself, at a relay of its own. */
async function eachAlone(options: {
  seconds: number;
  seed: number;
  pairs: number;
  every: number;
  program: URL;
  only: readonly string[];
}): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(
    '| attack or fault | one strike | strikes | good packets | lost | p99 ms | stalls | waited for a processor | RSS MB before, after | descriptors before, after |',
  );
  say('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const problems: string[] = [];
  for (const { name, load } of faults.filter(
    (fault) => options.only.length === 0 || options.only.includes(fault.name),
  )) {
    await using guarded = await makeGuard();
    await using relay = await RelayProcess.start('bin/derp-relay.cjs', guarded.settings, guarded.guard);
    const attack = { seed: options.seed, only: [name], atOnce: 1, pauseMs: 0 };
    const result = await soak(relay, { ...options, attack, sampleSeconds: 1 });
    const { before, after, sent, lost, p99, tally } = result;
    const cells = [
      ...[
        name,
        load,
        tally.strikes[name] ?? 0,
        sent,
        lost,
        p99.toFixed(1),
        after.stalls,
        `${after.waited.toFixed(1)} s`,
      ],
      ...[`${before.rss.toFixed(0)}, ${after.rss.toFixed(0)}`, `${before.descriptors}, ${after.descriptors}`],
    ];
    say(`| ${cells.join(' | ')} |`);
    // Some seconds are no time to judge a trend by.
    problems.push(
      ...result.problems.filter((problem) => !problem.includes(' grows: ')).map((one) => `${name}: ${one}`),
    );
  }
  for (const problem of problems) process.stderr.write(`PROBLEM ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

function sampleLine({ at, rss, heap, descriptors, clients, stalls, p50, p99, lost }: Sample): string {
  const figures = `rss ${rss.toFixed(0)} MB, heap ${heap.toFixed(0)} MB, ${descriptors} descriptors, ${clients} clients`;
  return `${at.toFixed(0)} s: ${figures}, ${stalls} stalls, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${lost} lost`;
}

function summary({ before, after, samples, sent, lost, p50, p99, tally, trends, problems }: SoakResult): string[] {
  const strikes = Object.entries(tally.strikes).map(([name, count]) => `${name} ${count}`);
  const givenUp = Object.entries(tally.givenUp).map(([name, count]) => `${name} ${count}`);
  const range = (pick: (sample: Sample) => number) =>
    `${pick(before).toFixed(0)} before, at most ${Math.max(...samples.map(pick)).toFixed(0)}, ${pick(after).toFixed(0)} after`;
  return [
    `good clients: ${sent} packets, ${lost} lost; p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    `RSS, MB: ${range(({ rss }) => rss)}`,
    `heap, MB: ${range(({ heap }) => heap)}`,
    `descriptors: ${range(({ descriptors }) => descriptors)}`,
    `event loop: ${after.stalls} stalls of 50 ms or more, the longest ${after.longestStall} ms; it waited for a processor for ${after.waited.toFixed(1)} s in all`,
    ...trends.map(
      ({ name, growth, most }) => `trend of ${name} after the warm-up: ${growth.toFixed(2)} (${most} would be a leak)`,
    ),
    `strikes: ${strikes.join(', ')}`,
    `strikes that this machine was too slow for: ${givenUp.join(', ') || 'none'}`,
    ...problems.map((problem) => `PROBLEM ${problem}`),
  ];
}

function chartOf({ samples }: SoakResult): string {
  const series = (name: string, pick: (sample: Sample) => number) => ({
    name,
    points: samples.map((sample) => ({ at: sample.at, value: pick(sample) })),
  });
  const seconds = samples.at(-1)?.at ?? 0;
  const panels = [
    {
      title: 'Memory of the relay, MB',
      series: [series('resident', (one) => one.rss), series('heap', (one) => one.heap)],
    },
    {
      title: 'Open descriptors and clients',
      series: [series('descriptors', (one) => one.descriptors), series('clients', (one) => one.clients)],
    },
    {
      title: 'Latency of the good clients’ packets, ms',
      series: [series('p99', (one) => one.p99), series('p50', (one) => one.p50)],
    },
    {
      title: 'Stalls of the event loop over 50 ms, and packets lost, since the start',
      series: [series('stalls', (one) => one.stalls), series('lost', (one) => one.lost)],
    },
  ];
  return drawChart(`A relay under attack for ${Math.round(seconds / 60)} minutes`, panels, seconds);
}

const plan = workerData as AttackPlan | null;
if (!isMainThread && plan?.kind === 'attackers') await attack(plan);
else if (process.argv[2] === SERVE) await serveWithBills();
else process.exitCode = await main();
