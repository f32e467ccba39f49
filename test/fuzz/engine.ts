import { performance } from 'node:perf_hooks';
import { hashOf, Random } from './random.ts';
import type { FuzzTarget } from './target.ts';

/** No input, however wrong, may take longer; those that seem to are tried again, because the machine may be busy. */
export const SLOWEST_MS = 100;
const TRIES = 5;

/** What has come of a target so far. */
export interface Score {
  readonly name: string;
  inputs: number;
  accepted: number;
  /** Of making and reading all inputs. */
  milliseconds: number;
  /** The slowest input, by the best of several tries. */
  slowestMs: number;
  slowestBytes: number;
}

/** An input by which a promise was broken. */
export class Failure extends Error {
  readonly target: string;
  readonly input: Buffer;

  constructor(target: string, input: Buffer, cause: unknown) {
    super(`${target}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`, { cause });
    this.name = 'Failure';
    this.target = target;
    this.input = input;
  }
}

/** Inputs for one target, one after the other; the same ones for the same seed. */
export class Campaign {
  readonly target: FuzzTarget;
  readonly score: Score;
  readonly #random: Random;

  constructor(target: FuzzTarget, seed: number) {
    this.target = target;
    this.#random = new Random(seed, hashOf(target.name));
    this.score = { name: target.name, inputs: 0, accepted: 0, milliseconds: 0, slowestMs: 0, slowestBytes: 0 };
  }

  /** Tries some more inputs. @param onInput is told of each before it is read @throws Failure */
  run(inputs: number, onInput?: (input: Buffer) => void): void {
    const { target, score } = this;
    const begun = performance.now();
    for (let i = 0; i < inputs; i++) {
      const input = target.make(this.#random);
      onInput?.(input);
      const started = performance.now();
      try {
        if (target.check(input)) score.accepted++;
      } catch (error) {
        throw new Failure(target.name, input, error);
      }
      score.inputs++;
      const took = performance.now() - started;
      if (took > score.slowestMs) this.#noteSlow(input, took);
    }
    score.milliseconds += performance.now() - begun;
  }

  /** Whether it is the input that is slow, and not the machine. */
  #noteSlow(input: Buffer, first: number): void {
    let best = first;
    for (let i = 0; i < TRIES && best > this.score.slowestMs; i++) {
      const started = performance.now();
      this.target.check(input);
      best = Math.min(best, performance.now() - started);
    }
    if (best > SLOWEST_MS) throw new Failure(this.target.name, input, new Error(`takes ${best.toFixed(0)} ms`));
    if (best <= this.score.slowestMs) return;
    this.score.slowestMs = best;
    this.score.slowestBytes = input.length;
  }
}
