/** Those who mean no good, in a thread of their own, so that what they do does not hold up the well-behaved clients. */
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, Worker } from 'node:worker_threads';
import { Random } from '../fuzz/random.ts';
import { faults } from './faults/all.ts';
import { RelayFault, type Target } from './target.ts';

/** What the thread is told. */
export interface AttackPlan {
  readonly kind: 'attackers';
  readonly seed: number;
  readonly pid: number;
  readonly target: Omit<Target, 'reload' | 'publicKey'> & { readonly publicKey: string };
  /** Names of the faults; all when empty. */
  readonly only: readonly string[];
  readonly atOnce: number;
  /** Between two strikes of one attacker, on the average, milliseconds. */
  readonly pauseMs: number;
}

/** What the thread tells: how often each fault has struck, could not (the machine's load), or has found a mistake. */
export interface Tally {
  strikes: Record<string, number>;
  givenUp: Record<string, number>;
  found: string[];
}

/** The thread's own program. */
export async function attack(plan: AttackPlan): Promise<void> {
  const target: Target = {
    ...plan.target,
    publicKey: Buffer.from(plan.target.publicKey, 'hex'),
    reload: async () => void process.kill(plan.pid, 'SIGHUP'),
  };
  const chosen = plan.only.length === 0 ? faults : faults.filter(({ name }) => plan.only.includes(name));
  const tally: Tally = { strikes: {}, givenUp: {}, found: [] };
  let over = false;
  parentPort!.on('message', () => {
    over = true;
  });
  const strike = async (random: Random) => {
    const fault = random.pick(chosen);
    try {
      await fault.strike(target, random);
      tally.strikes[fault.name] = (tally.strikes[fault.name] ?? 0) + 1;
    } catch (error) {
      if (error instanceof RelayFault) tally.found.push(error.message);
      else tally.givenUp[fault.name] = (tally.givenUp[fault.name] ?? 0) + 1;
    }
    parentPort!.postMessage(tally);
  };
  await Promise.all(
    Array.from({ length: plan.atOnce }, async (_, i) => {
      const random = new Random(plan.seed, i);
      while (!over) {
        await strike(random);
        for (let rest = random.below(2 * plan.pauseMs + 1); rest > 0 && !over; rest -= 100) {
          await delay(Math.min(rest, 100));
        }
      }
    }),
  );
  parentPort!.close();
}

/** The thread, seen from outside. */
export class Attackers {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  tally: Tally = { strikes: {}, givenUp: {}, found: [] };

  /** @param program the file that runs `attack` when it is told to by its workerData */
  constructor(program: URL, plan: AttackPlan) {
    this.#worker = new Worker(program, { workerData: plan });
    this.#worker.on('message', (tally: Tally) => {
      this.tally = tally;
    });
    this.#worker.on('error', (error) => this.tally.found.push(`the attackers’ thread failed: ${error.stack}`));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => resolve());
    });
  }

  /** Has them finish what they have begun. */
  async stop(): Promise<void> {
    this.#worker.postMessage('stop');
    await this.#exited;
  }
}
