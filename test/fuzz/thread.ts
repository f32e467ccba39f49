/** The thread that tries the inputs. The main thread sees by the shared memory which input it is at. */
import { parentPort } from 'node:worker_threads';
import { Campaign, Failure, type Score } from './engine.ts';
import { targets } from './targets/all.ts';

/** The longest input that is shown to the main thread; none is longer. */
const MOST_SHOWN = 64 << 10;
/** Bytes of the shared memory before the input: inputs begun, target, length. */
const HEAD = 12;

export const SHARED_BYTES = HEAD + MOST_SHOWN;

/** What the thread is told. */
export interface FuzzPlan {
  readonly kind: 'fuzz';
  readonly seed: number;
  readonly runs: number;
  readonly seconds: number;
  /** Names of targets; all when empty. */
  readonly only: readonly string[];
  readonly shared: SharedArrayBuffer;
}

/** What the thread tells in the end. */
export interface FuzzReport {
  readonly scores: readonly Score[];
  readonly failures: readonly { target: string; input: Uint8Array; message: string }[];
}

/** The input that the thread is at. */
export function inputUnderWay(shared: SharedArrayBuffer): { count: number; target: string; input: Buffer } {
  const [count = 0, index = 0, length = 0] = new Int32Array(shared, 0, 3);
  return { count, target: targets[index]!.name, input: Buffer.from(Buffer.from(shared, HEAD, length)) };
}

/** One turn of a target takes about this many inputs for each of its shares. */
const BATCH = 250;

/** The thread's own program: the targets take turns until all inputs have been tried, or the time is over. */
export function fuzz({ seed, runs, seconds, only, shared }: FuzzPlan): void {
  const head = new Int32Array(shared, 0, 3);
  const shown = Buffer.from(shared, HEAD);
  const chosen = targets.filter(({ name }) => only.length === 0 || only.includes(name));
  const campaigns = chosen.map((target) => new Campaign(target, seed));
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  const failures: FuzzReport['failures'][number][] = [];
  const failed = new Set<Campaign>();
  const deadline = Date.now() + seconds * 1000;
  const quotaOf = ({ target }: Campaign) => Math.ceil((runs * target.share) / shares);
  for (let busy = true; busy; ) {
    busy = false;
    for (const campaign of campaigns) {
      const left = quotaOf(campaign) - campaign.score.inputs;
      if (left <= 0 || failed.has(campaign) || Date.now() > deadline) continue;
      busy = true;
      head[1] = targets.indexOf(campaign.target);
      try {
        campaign.run(Math.min(left, Math.ceil(BATCH * campaign.target.share)), (input) => {
          head[2] = input.copy(shown);
          head[0]!++;
        });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failed.add(campaign);
        failures.push({ target: error.target, input: error.input, message: error.message });
      }
    }
    parentPort?.postMessage({ scores: campaigns.map(({ score }) => score), failures } satisfies FuzzReport);
  }
  parentPort?.close();
}
