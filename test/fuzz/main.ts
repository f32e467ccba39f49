// The program of `npm run fuzz`; see its --help.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { fuzzLiveRelay } from './live.ts';
import { saveRegression } from './regressions.ts';
import { scoreTable } from './table.ts';
import { targets } from './targets/all.ts';
import { type FuzzPlan, type FuzzReport, fuzz, inputUnderWay, SHARED_BYTES } from './thread.ts';

const HELP = `npm run fuzz -- [--runs 1000000] [--seconds 600] [--live 20] [--seed N] [--target NAME]

Tries changed inputs at everything that reads bytes of strangers, then at a relay in a process of its own while two good
clients exchange packets. Prints a Markdown table; when a promise is broken, saves the input as a regression under
test/fuzz/regressions, which npm test tries from then on, and exits with 1.

  --runs N       inputs in all, over all targets (default 1000000)
  --seconds S    an end all the same (default 600)
  --live S       seconds at the live relay, 0 for none (default 20)
  --seed N       brings back a run (default: the time)
  --target NAME  only this one, may be repeated: ${targets.map(({ name }) => name).join(', ')}
`;

/** An input that takes longer hangs, even on a busy machine. */
const HANGS_AFTER_MS = 30_000;
/** More memory than this is without bound, for inputs of a few kilobytes. */
const MOST_MEMORY = 1 << 30;
const HEAP_MB = 512;

const REGRESSIONS = join('test', 'fuzz', 'regressions');

/** Runs the thread, and looks after it. */
function tryInputs(plan: Omit<FuzzPlan, 'kind' | 'shared'>): Promise<FuzzReport> {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  let report: FuzzReport = { scores: [], failures: [] };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { kind: 'fuzz', shared, ...plan } satisfies FuzzPlan,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const before = process.memoryUsage.rss();
  return new Promise((resolve) => {
    let last = { count: -1, at: Date.now() };
    const end = (message?: string) => {
      clearInterval(watch);
      if (message === undefined) return resolve(report);
      const { target, input } = inputUnderWay(shared);
      void worker.terminate();
      resolve({
        scores: report.scores,
        failures: [...report.failures, { target, input, message: `${target}: ${message}` }],
      });
    };
    const watch = setInterval(() => {
      const { count } = inputUnderWay(shared);
      if (count !== last.count) last = { count, at: Date.now() };
      else if (Date.now() - last.at > HANGS_AFTER_MS) end(`hangs for more than ${HANGS_AFTER_MS / 1000} s`);
      if (process.memoryUsage.rss() - before > MOST_MEMORY) end(`uses more than ${MOST_MEMORY >> 20} MB`);
    }, 1000);
    worker.on('message', (message: FuzzReport) => {
      report = message;
    });
    worker.on('error', (error) => end(`ended the thread: ${error.stack}`));
    worker.on('exit', () => end());
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      runs: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '600' },
      live: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      target: { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = values.target.filter((name) => !targets.some((target) => target.name === name));
  const [runs, seconds, live, seed] = [values.runs, values.seconds, values.live, values.seed].map(Number);
  if (unknown.length > 0 || [runs, seconds, live, seed].some((number) => !(number! >= 0))) {
    process.stderr.write(
      `${unknown.length > 0 ? `there is no target ${unknown.join(', ')}` : 'not a number'}\n${HELP}`,
    );
    return 2;
  }
  process.stderr.write(`seed ${seed}\n`);
  const started = Date.now();
  const { scores, failures } = await tryInputs({ seed: seed!, runs: runs!, seconds: seconds!, only: values.target });
  if (runs! > 0)
    for (const line of scoreTable(scores, (Date.now() - started) / 1000, process.cpuUsage().user / 1e6))
      process.stdout.write(`${line}\n`);
  for (const { target, input, message } of failures) {
    const file = saveRegression(REGRESSIONS, target, input);
    process.stderr.write(`BROKEN ${message}\n  saved as ${file}\n`);
  }
  const problems = live! > 0 && values.target.length === 0 ? await fuzzLiveRelay(live!, seed!) : [];
  for (const problem of problems) process.stderr.write(`BROKEN live relay: ${problem}\n`);
  return failures.length + problems.length === 0 ? 0 : 1;
}

const plan = workerData as FuzzPlan | null;
if (!isMainThread && plan?.kind === 'fuzz') fuzz(plan);
else process.exitCode = await main();
