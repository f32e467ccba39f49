/** Notices that files have changed, by the system's own notices and, where those do not come, by looking. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** When changes are noticed, milliseconds. */
export interface WatchTimes {
  /** A change counts when nothing has happened for so long: whoever replaces two files does it in two steps. */
  settle: number;
  /** Directories that change all the time are looked at no later than this. */
  settleAtMost: number;
  /** Files are looked at this often whatever happens: links lead elsewhere, some file systems give no notice. */
  poll: number;
}

/** Everything that tells one state of a file from another; a replaced file is another inode, whatever its time says. */
function stateOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return 'missing';
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return `unreadable: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** Watches a few files, which may come, go, and be replaced. They count as seen from when the watch was made. */
export class FileWatch {
  readonly #paths: readonly string[];
  readonly #times: WatchTimes;
  #seen: string;
  #changed: () => void = () => {};
  #watchers = new Map<string, { watcher: FSWatcher; directory: string }>();
  #poll: NodeJS.Timeout | undefined = undefined;
  #settle: NodeJS.Timeout | undefined = undefined;
  #firstNotice = 0;

  constructor(paths: readonly string[], times: WatchTimes) {
    this.#paths = paths;
    this.#times = times;
    this.#seen = this.#state();
  }

  /** Calls `changed` after each change from now on, and once for all those since the watch was made. */
  start(changed: () => void): void {
    this.#changed = changed;
    this.#poll = setInterval(() => this.#look(), this.#times.poll).unref();
    this.#watchDirectories();
    this.#notice();
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.#changed = () => {};
  }

  #state(): string {
    return this.#paths.map(stateOf).join('\n');
  }

  /** Something happened in one of the directories, to whatever file. */
  #notice(): void {
    const now = performance.now();
    if (this.#settle === undefined) this.#firstNotice = now;
    const { settle, settleAtMost } = this.#times;
    clearTimeout(this.#settle);
    const left = this.#firstNotice + settleAtMost - now;
    this.#settle = setTimeout(() => this.#look(), Math.max(0, Math.min(settle, left))).unref();
  }

  #look(): void {
    clearTimeout(this.#settle);
    this.#settle = undefined;
    this.#watchDirectories();
    const state = this.#state();
    if (state === this.#seen) return;
    this.#seen = state;
    this.#changed();
  }

  /** The directories, not the files: a file that is replaced takes its watch with it. So does a directory. */
  #watchDirectories(): void {
    for (const path of new Set(this.#paths.map((file) => dirname(file)))) {
      const directory = identityOf(path);
      const watched = this.#watchers.get(path);
      if (watched !== undefined && watched.directory === directory) continue;
      watched?.watcher.close();
      this.#watchers.delete(path);
      if (directory === undefined) continue;
      try {
        const watcher = watch(path, { persistent: false }, () => this.#notice());
        // Too many watches on this machine, or a file system without them: looking has to do.
        watcher.on('error', () => watcher.close());
        this.#watchers.set(path, { watcher, directory });
      } catch {
        // As above.
      }
    }
  }
}

function identityOf(directory: string): string | undefined {
  try {
    const found = statSync(directory, { throwIfNoEntry: false });
    return found === undefined ? undefined : `${found.dev} ${found.ino}`;
  } catch {
    return undefined;
  }
}
