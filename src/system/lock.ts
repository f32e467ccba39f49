/**
 * One run at a time: a file that names the process that holds it. A process that was killed leaves its file behind; the
 * next one sees that its owner is gone and takes it over.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDirectory, FileError, readTextIfPresent } from './files.ts';

/** Held until it is released, or the process ends. */
export interface Lock {
  readonly path: string;
  /** Lets others in; a second call does nothing. */
  release(): Promise<void>;
}

/** Somebody else holds the lock. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
  readonly path: string;
  readonly pid: number;
  readonly since: Date;

  constructor(path: string, { pid, since }: LockOwner) {
    super(`${path} is held by process ${pid} since ${since}`);
    this.path = path;
    this.pid = pid;
    this.since = new Date(since);
  }
}

/** What a lock file says. */
export interface LockOwner {
  pid: number;
  /** When the process began, in the kernel's ticks since it booted; another process may get the same number later. */
  startTime: string;
  /** Which boot that was. */
  boot: string;
  /** When the lock was taken, ISO 8601. */
  since: string;
  /** Tells two locks of one process apart. */
  token: string;
}

/** How long to wait while another process takes over the file of a dead one, which is a matter of milliseconds. */
const TAKEOVER_WAIT_MS = 5_000;
const TAKEOVER_POLL_MS = 20;
/** The guard of a takeover is a lock too, whose owner may die in turn. So many deaths in a row are no accident. */
const MAX_GUARDS = 4;

/** The state and the start time of a process, from the text of /proc/<pid>/stat. The name in it may hold anything. */
export function parseProcessStat(stat: string): { state: string; startTime: string } | undefined {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 3 and 22 of proc_pid_stat(5); the first after the name is number 3.
  const [state, startTime] = [afterName[0], afterName[19]];
  return state && startTime && /^\d+$/.test(startTime) ? { state, startTime } : undefined;
}

/** What the text of a lock file says; undefined for one that is damaged, as a power cut may leave it. */
export function parseLockOwner(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Record<keyof LockOwner, unknown>> | null;
    const isText = (value: unknown) => typeof value === 'string';
    if (!Number.isSafeInteger(owner?.pid) || Number.isNaN(Date.parse(String(owner?.since)))) return undefined;
    return [owner?.startTime, owner?.boot, owner?.since, owner?.token].every(isText) ? (owner as LockOwner) : undefined;
  } catch {
    return undefined;
  }
}

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function currentBoot(): Promise<string> {
  return (await readOrEmpty('/proc/sys/kernel/random/boot_id')).trim();
}

/** Whether the process that took a lock still runs. One that only waits to be reaped does not. */
async function isAlive(owner: LockOwner): Promise<boolean> {
  if (owner.boot !== (await currentBoot())) return false;
  const stat = parseProcessStat(await readOrEmpty(`/proc/${owner.pid}/stat`));
  if (stat) return stat.startTime === owner.startTime && !['Z', 'X', 'x'].includes(stat.state);
  try {
    // There is no /proc, or it does not show other users' processes.
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function describeSelf(): Promise<LockOwner> {
  const stat = parseProcessStat(await readOrEmpty(`/proc/${process.pid}/stat`));
  return {
    pid: process.pid,
    startTime: stat?.startTime ?? '',
    boot: await currentBoot(),
    since: new Date().toISOString(),
    token: randomBytes(8).toString('hex'),
  };
}

/** Makes the lock file, whole from its first moment; false when there is one. */
async function tryCreate(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(draft, text, { flag: 'wx', mode: 0o644 });
    await link(draft, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw toFileError(path, cause);
  } finally {
    await unlink(draft).catch(() => {});
  }
}

function toFileError(path: string, cause: unknown): FileError {
  const { code } = cause as NodeJS.ErrnoException;
  const problem = code === 'EACCES' || code === 'EPERM' ? 'denied' : code === 'EROFS' ? 'read-only' : 'other';
  return new FileError('write', path, code === 'ENOSPC' ? 'no-space' : problem, cause);
}

/**
 * Removes the file of a dead owner. Only the holder of the guard does that, and only after it has seen once more that
 * the file is still the dead owner's: so nobody ever removes the file of somebody who has just taken the lock.
 */
async function removeStale(path: string, stale: string, guards: number): Promise<void> {
  const guard = await acquire(`${path}.takeover`, guards + 1);
  try {
    if ((await readTextIfPresent(path)) === stale) await unlink(path);
  } finally {
    await guard.release();
  }
}

async function acquire(path: string, guards: number): Promise<Lock> {
  const deadline = Date.now() + TAKEOVER_WAIT_MS;
  for (;;) {
    const text = `${JSON.stringify(await describeSelf())}\n`;
    if (await tryCreate(path, text)) return lockAt(path, text);
    const found = await readTextIfPresent(path);
    if (found === undefined) continue;
    const owner = parseLockOwner(found);
    if (owner && (await isAlive(owner))) throw new LockedError(path, owner);
    try {
      if (guards >= MAX_GUARDS) throw new FileError('write', path, 'other', new Error('it is left by a dead process'));
      await removeStale(path, found, guards);
    } catch (error) {
      if (!(error instanceof LockedError) || Date.now() > deadline) throw error;
      // Another process is taking it over at this moment.
      await delay(TAKEOVER_POLL_MS);
    }
  }
}

function lockAt(path: string, text: string): Lock {
  let held = true;
  return {
    path,
    async release() {
      if (!held) return;
      held = false;
      if ((await readTextIfPresent(path)) === text) await unlink(path);
    },
  };
}

/**
 * Takes the lock, or the one that a dead process has left. Makes the directory if it is missing.
 * @throws LockedError when another run holds it, this process included; FileError when it cannot be written
 */
export async function acquireLock(path: string): Promise<Lock> {
  await ensureDirectory(dirname(path));
  return acquire(path, 0);
}

/** Who holds the lock now; undefined when nobody does who lives, or nobody may know. Takes nothing. */
export async function lockHolder(path: string): Promise<LockOwner | undefined> {
  const owner = parseLockOwner(await readOrEmpty(path));
  return owner && (await isAlive(owner)) ? owner : undefined;
}
