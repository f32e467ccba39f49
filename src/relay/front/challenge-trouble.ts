import { FileError } from '../../system/files.ts';
import type { Log } from '../log.ts';

/** Says in the log that an ACME challenge's file cannot be used: once, as authorities ask several times. */
export class ChallengeTrouble {
  readonly #log: Log;
  #last = '';

  constructor(log: Log) {
    this.#log = log;
  }

  tell(path: string, error: Error): void {
    const problem = error instanceof FileError ? error.message : `${path}: ${error.message}`;
    if (problem === this.#last) return;
    this.#last = problem;
    this.#log.warn('challenge_unusable', { problem });
  }
}
