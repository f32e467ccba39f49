import { performance } from 'node:perf_hooks';
import { shortKey } from '../../protocol/keys.ts';
import type { Counters } from '../counters.ts';
import type { Log } from '../log.ts';
import type { Claimant, Verdict } from '../sessions/admission.ts';
import { AnswerCache, type AnswerLifetimes } from './answer-cache.ts';
import { type AdmissionSource, type Answer, QuestionError } from './source.ts';

/** What an inquiry is told besides its source. */
export interface InquiryOptions {
  /** Let clients in while the source cannot be reached. Answers that cannot be used keep them out all the same. */
  readonly failOpen: boolean;
  readonly lifetimes: AnswerLifetimes;
  readonly log: Log;
  readonly counters: Counters;
}

/** Asks one source, no more than necessary: answers are remembered for a moment, equal questions under way are one. */
export class Inquiry {
  readonly source: AdmissionSource;
  readonly #options: InquiryOptions;
  readonly #remembered: AnswerCache;
  readonly #underWay = new Map<string, Promise<Verdict>>();
  /** How often everything was forgotten: an answer to an earlier question is not remembered. */
  #generation = 0;
  /** What is wrong with the source, as logged last; undefined while it answers. */
  #trouble: string | undefined = undefined;
  #stopped = false;

  constructor(source: AdmissionSource, options: InquiryOptions) {
    this.source = source;
    this.#options = options;
    this.#remembered = new AnswerCache(options.lifetimes);
  }

  /** What the source says of a claimant. Never rejects. @param fresh ask, even if an answer is remembered */
  ask(claimant: Claimant, fresh = false): Verdict | Promise<Verdict> {
    const subject = this.source.subjectOf(claimant);
    const remembered = fresh ? undefined : this.#remembered.find(subject, performance.now());
    if (remembered !== undefined) return verdictOf(remembered);
    const joined = this.#underWay.get(subject);
    if (joined !== undefined) return joined;
    const verdict = this.#put(claimant, subject).finally(() => {
      if (this.#underWay.get(subject) === verdict) this.#underWay.delete(subject);
    });
    this.#underWay.set(subject, verdict);
    return verdict;
  }

  /** Looks whether the source answers at all, and logs it when it does not. */
  async check(): Promise<void> {
    try {
      await this.source.check?.();
    } catch (error) {
      this.#noteTrouble(error);
    }
  }

  /** Asks nobody any more, and is silent about questions that are cut off by it. */
  stop(): void {
    this.#stopped = true;
    this.source.close();
  }

  /** Forgets all answers, those that are still to come to questions under way included. */
  forget(): void {
    this.#generation++;
    this.#remembered.clear();
    this.#underWay.clear();
  }

  async #put(claimant: Claimant, subject: string): Promise<Verdict> {
    const { counters, failOpen, log } = this.#options;
    const generation = this.#generation;
    counters.admissionQuestions++;
    try {
      const answer = await this.source.ask(claimant);
      this.#noteAnswer();
      if (generation === this.#generation) this.#remembered.keep(subject, answer, performance.now());
      return verdictOf(answer);
    } catch (error) {
      counters.admissionFailures++;
      const reason = this.#noteTrouble(error);
      if (failOpen && error instanceof QuestionError && error.unreachable) {
        log.warn('admitted_without_answer', { key: shortKey(claimant.key), address: claimant.address, reason });
        return { admitted: true };
      }
      return { admitted: false, reason, unanswered: true };
    }
  }

  /** Logs trouble when it begins or changes, not for every client that meets it. @returns the reason */
  #noteTrouble(error: unknown): string {
    const { log } = this.#options;
    const expected = error instanceof QuestionError;
    const reason = expected ? error.message : `internal error: ${String(error)}`;
    if (reason !== this.#trouble && !this.#stopped) {
      this.#trouble = reason;
      const stack = expected || !(error instanceof Error) ? undefined : error.stack;
      log.error('admission_unanswered', { source: this.source.name, problem: reason, stack });
    }
    return reason;
  }

  #noteAnswer(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#options.log.info('admission_answered_again', { source: this.source.name });
  }
}

function verdictOf(answer: Answer): Verdict {
  return answer.allow ? { admitted: true } : { admitted: false, reason: answer.reason };
}
