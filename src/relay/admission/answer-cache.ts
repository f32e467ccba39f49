import type { Answer } from './source.ts';

/** How long answers are believed, milliseconds, and how many are kept. */
export interface AnswerLifetimes {
  readonly yes: number;
  readonly no: number;
  readonly entries: number;
}

/** Recent answers, the least recently used of which make room for new ones. */
export class AnswerCache {
  readonly #lifetimes: AnswerLifetimes;
  /** In the order of use: a Map keeps the order of insertion. */
  readonly #answers = new Map<string, { answer: Answer; until: number }>();

  constructor(lifetimes: AnswerLifetimes) {
    this.#lifetimes = lifetimes;
  }

  /** How many answers are kept, outdated ones included. */
  get size(): number {
    return this.#answers.size;
  }

  /** The answer about a subject, if it is recent enough. @param now milliseconds, of any clock that is always the same */
  find(subject: string, now: number): Answer | undefined {
    const found = this.#answers.get(subject);
    if (found === undefined) return undefined;
    this.#answers.delete(subject);
    if (found.until <= now) return undefined;
    this.#answers.set(subject, found);
    return found.answer;
  }

  /** Keeps an answer, instead of any earlier one about the subject. */
  keep(subject: string, answer: Answer, now: number): void {
    const { yes, no, entries } = this.#lifetimes;
    this.#answers.delete(subject);
    this.#answers.set(subject, { answer, until: now + (answer.allow ? yes : no) });
    if (this.#answers.size <= entries) return;
    const [oldest] = this.#answers.keys();
    this.#answers.delete(oldest!);
  }

  clear(): void {
    this.#answers.clear();
  }
}
