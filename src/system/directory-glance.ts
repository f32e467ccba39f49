/** Whether a directory holds anything, for one who asks all the time and wants the answer of this very moment. */
import { readdirSync, statSync } from 'node:fs';

/** A directory that changed less than this long ago may change again without its time of change showing that. */
const TIME_GRAIN_MS = 100;

/**
 * Tells whether a directory holds files whose names end in `suffix`. A look costs one `stat` (2 µs) while nothing
 * changes, so that there is no need for watching, which comes late: a file counts from when it has its name.
 */
export class DirectoryGlance {
  readonly #path: string;
  readonly #suffix: string;
  /** The state that `#occupied` was found in; undefined when it must be found anew. */
  #seen: string | undefined = undefined;
  #occupied = false;

  constructor(path: string, suffix: string) {
    this.#path = path;
    this.#suffix = suffix;
  }

  /** Never throws: a directory that is not there, or may not be read, holds nothing. */
  get occupied(): boolean {
    try {
      const found = statSync(this.#path, { throwIfNoEntry: false });
      if (found === undefined) return false;
      const state = `${found.ino} ${found.mtimeMs}`;
      if (state !== this.#seen) {
        this.#occupied = readdirSync(this.#path).some((name) => name.endsWith(this.#suffix));
        this.#seen = Math.abs(Date.now() - found.mtimeMs) > TIME_GRAIN_MS ? state : undefined;
      }
      return this.#occupied;
    } catch {
      return false;
    }
  }
}
