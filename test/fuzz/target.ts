import type { Random } from './random.ts';

/** Something that reads bytes of strangers. */
export interface FuzzTarget {
  readonly name: string;
  /** Its part of all inputs; quick ones get more. */
  readonly share: number;
  /** An input: right, nearly right, or nothing of the kind. */
  make(random: Random): Buffer;
  /**
   * Reads an input. What it does depends on the input alone, so that a saved one fails again.
   * @returns whether it was taken for right
   * @throws anything, when a promise is broken
   */
  check(input: Buffer): boolean;
}

/** A promise of the code under test that was broken. */
export class Broken extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Broken';
  }
}

/** @throws Broken unless `holds` */
export function promise(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Broken(message());
}

/** Runs a reader whose only error is of one class. @returns its result, or the error of that class */
export function attempt<T, E extends Error>(read: () => T, allowed: new (...args: never[]) => E): T | E {
  try {
    return read();
  } catch (error) {
    if (error instanceof allowed) return error;
    throw error;
  }
}

/** A target for a reader that says no by its one error or by its result. */
export function readerTarget<E extends Error>(
  name: string,
  share: number,
  make: FuzzTarget['make'],
  read: (input: Buffer) => unknown,
  allowed?: new (...args: never[]) => E,
): FuzzTarget {
  return {
    name,
    share,
    make,
    check: (input) => {
      const result = allowed === undefined ? read(input) : attempt(() => read(input), allowed);
      return result !== undefined && result !== false && !(result instanceof Error);
    },
  };
}
