import { setTimeout as delay } from 'node:timers/promises';
import { shortKey } from '../../protocol/keys.ts';
import type { Counters } from '../counters.ts';
import type { Log } from '../log.ts';
import type { Claimant, Verdict } from '../sessions/admission.ts';

/** When those who are in are asked about again, milliseconds. */
export interface RecheckTimes {
  /** From one round to the next. */
  readonly interval: number;
  /** Between two questions of a round … */
  readonly pause: number;
  /** … which together take no longer than about this. */
  readonly spread: number;
}

/** A connection as far as a check is concerned. */
export interface CheckedSession {
  /** Undefined before it has logged in. */
  readonly key: Buffer | undefined;
  readonly origin: { readonly address: string };
  close(): void;
}

/** What a check needs. */
export interface RecheckOptions {
  /** Those that are connected. */
  readonly sessions: ReadonlySet<CheckedSession>;
  /** The verdict when no question is needed; undefined when one is. */
  readonly judgeAlone: (claimant: Claimant) => Verdict | undefined;
  readonly ask: (claimant: Claimant) => Verdict | Promise<Verdict>;
  readonly times: RecheckTimes;
  readonly log: Log;
  readonly counters: Counters;
}

/** Goes through the clients that are in, and disconnects those that may not use the relay any more. */
export class Recheck {
  readonly #options: RecheckOptions;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** The round under way; undefined between rounds. */
  #round: symbol | undefined = undefined;

  constructor(options: RecheckOptions) {
    this.#options = options;
  }

  /** Begins a round at intervals. */
  start(): void {
    this.#timer = setInterval(() => {
      // One that takes longer than the interval goes on: a new one would never get to its last clients.
      if (this.#round === undefined) this.begin();
    }, this.#options.times.interval).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#round = undefined;
  }

  /**
   * Begins a round now, instead of one that is under way. Whom no question is needed for is dealt with before this
   * returns; questions are spread over time.
   */
  begin(): void {
    const round = Symbol('round');
    this.#round = round;
    const { sessions, judgeAlone } = this.#options;
    const toAsk: CheckedSession[] = [];
    for (const session of [...sessions]) {
      const claimant = claimantOf(session);
      if (claimant === undefined) continue;
      const verdict = judgeAlone(claimant);
      if (verdict === undefined) toAsk.push(session);
      else this.#apply(session, verdict);
    }
    void this.#askAbout(toAsk, round).finally(() => {
      if (this.#round === round) this.#round = undefined;
    });
  }

  async #askAbout(toAsk: readonly CheckedSession[], round: symbol): Promise<void> {
    const { sessions, ask, times } = this.#options;
    const pause = Math.min(times.pause, times.spread / toAsk.length);
    for (const session of toAsk) {
      if (this.#round !== round) return;
      const claimant = claimantOf(session);
      if (claimant === undefined || !sessions.has(session)) continue;
      // Not awaited: a slow answer about one must not hold up the others.
      void Promise.resolve(ask(claimant)).then((verdict) => this.#apply(session, verdict));
      await delay(pause, undefined, { ref: false });
    }
  }

  #apply(session: CheckedSession, verdict: Verdict): void {
    const { sessions, counters, log } = this.#options;
    // That nobody could be asked is no reason to disconnect anybody.
    if (verdict.admitted || verdict.unanswered || !sessions.has(session)) return;
    counters.admissionRemovals++;
    const { address } = session.origin;
    log.info('client_removed', { key: session.key && shortKey(session.key), address, reason: verdict.reason });
    session.close();
  }
}

function claimantOf({ key, origin }: CheckedSession): Claimant | undefined {
  return key && { key, address: origin.address };
}
