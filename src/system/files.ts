/** Files of the machine: typed read errors, and writes that leave either the old content or the new, never a part. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Why a file could not be used; `other` keeps the system's own code in `cause`. */
export type FileProblem = 'missing' | 'denied' | 'is-directory' | 'not-directory' | 'read-only' | 'no-space' | 'other';

/** The one error of this module: which file, what went wrong, what was being done. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly path: string;
  readonly problem: FileProblem;
  readonly action: 'read' | 'write';
  /** The cause in a few words, without the path. */
  readonly reason: string;

  constructor(action: 'read' | 'write', path: string, problem: FileProblem, cause: unknown) {
    const reason = describe(problem, cause);
    super(`cannot ${action} ${path}: ${reason}`, { cause });
    this.reason = reason;
    this.action = action;
    this.path = path;
    this.problem = problem;
  }
}

const PROBLEMS: Record<string, FileProblem> = {
  ENOENT: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EISDIR: 'is-directory',
  ENOTDIR: 'not-directory',
  EROFS: 'read-only',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
};

function describe(problem: FileProblem, cause: unknown): string {
  switch (problem) {
    case 'missing':
      return 'no such file or directory';
    case 'denied':
      return 'permission denied';
    case 'is-directory':
      return 'it is a directory';
    case 'not-directory':
      return 'a part of the path is not a directory';
    case 'read-only':
      return 'the file system is read-only';
    case 'no-space':
      return 'no space left on the disk';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Turns what the system threw into the one error of this module. */
export function toFileError(action: 'read' | 'write', path: string, cause: unknown): FileError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  return new FileError(action, path, PROBLEMS[code] ?? 'other', cause);
}

/** The bytes of a file; throws FileError. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw toFileError('read', path, cause);
  }
}

/** The text of a file as UTF-8; throws FileError. */
export async function readText(path: string): Promise<string> {
  return (await readBytes(path)).toString('utf8');
}

/** The text of a file, or undefined when there is none; every other failure throws FileError. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    if (error instanceof FileError && error.problem === 'missing') return undefined;
    throw error;
  }
}

/** What is at `path`, links followed; throws FileError when it may not be looked at. */
export async function kindOf(path: string): Promise<'missing' | 'directory' | 'file'> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing' || error.problem === 'not-directory') return 'missing';
    throw error;
  }
}

/** What is at `path` itself, links not followed; throws FileError when it may not be looked at. */
export async function kindOfEntry(path: string): Promise<'missing' | 'directory' | 'file' | 'link'> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink()) return 'link';
    return found.isDirectory() ? 'directory' : 'file';
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing' || error.problem === 'not-directory') return 'missing';
    throw error;
  }
}

/** Whose a file or directory is, by number. */
export interface Ids {
  uid: number;
  gid: number;
}

/** A file as it was: enough to put it back. */
export interface Snapshot extends Ids {
  data: Buffer;
  mode: number;
}

/** A file's bytes, permission bits and owner; undefined when there is none; throws FileError. */
export async function readSnapshot(path: string): Promise<Snapshot | undefined> {
  try {
    const { mode, uid, gid } = await stat(path);
    return { data: await readFile(path), mode: mode & 0o777, uid, gid };
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing') return undefined;
    throw error;
  }
}

/** Makes one directory, and those above it; gives the topmost one that was made. Throws what the system throws. */
async function makeDirectory(path: string, mode: number): Promise<string | undefined> {
  let above: string | undefined;
  try {
    await mkdir(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return undefined;
    if (code === 'EEXIST') throw Object.assign(new Error('it is a file'), { code: 'ENOTDIR' });
    if (code !== 'ENOENT' || path === dirname(path)) throw cause;
    above = await makeDirectory(dirname(path), 0o755);
    await mkdir(path);
  }
  try {
    // The umask of whoever runs this must not decide who can reach the relay's files; nor may a link that somebody has
    // put in the place of the new directory decide what else gets this mode.
    const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await directory.chmod(mode);
    } finally {
      await directory.close();
    }
  } catch (cause) {
    await rmdir(path).catch(() => {});
    throw cause;
  }
  return above ?? path;
}

/**
 * Creates a directory with `mode`, and the missing ones above it readable by all, whatever the umask; an existing one is
 * left as it is. Returns the topmost one that had to be made, if any. Throws FileError.
 *
 * Not by `mkdir(…, { recursive: true })`, which says "no such file" where a disk is full or read-only.
 */
export async function ensureDirectory(path: string, mode = 0o755): Promise<string | undefined> {
  try {
    return await makeDirectory(path, mode);
  } catch (cause) {
    throw toFileError('write', path, cause);
  }
}

/** The names in a directory; none where there is no such directory; throws FileError. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing' || error.problem === 'not-directory') return [];
    throw error;
  }
}

/** Removes a file; fine if it is gone already; throws FileError. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (cause) {
    const error = toFileError('write', path, cause);
    if (error.problem !== 'missing') throw error;
  }
}

/** Removes a directory if it is empty, and leaves it otherwise; throws FileError for other reasons. */
export async function removeEmptyDirectory(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(code ?? '')) throw toFileError('write', path, cause);
  }
}

/** Removes the empty directories from `path` upwards to `top`, both included; throws FileError like the above. */
export async function removeEmptyDirectories(path: string, top: string): Promise<void> {
  await removeEmptyDirectory(path);
  if (path !== top && path !== dirname(path)) await removeEmptyDirectories(dirname(path), top);
}

/** A directory's permission bits and owner; undefined when there is none; throws FileError. */
export async function readDirectoryState(path: string): Promise<(Ids & { mode: number }) | undefined> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) throw Object.assign(new Error('it is a file'), { code: 'ENOTDIR' });
    return { mode: found.mode & 0o7777, uid: found.uid, gid: found.gid };
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing') return undefined;
    throw error;
  }
}

/** Where a symbolic link points; undefined when there is nothing; throws FileError when it is something else. */
export async function readLink(path: string): Promise<string | undefined> {
  try {
    await lstat(path);
    return await readlink(path);
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing') return undefined;
    throw error;
  }
}

/** The path of a file with all links followed; throws FileError. */
export async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw toFileError('read', path, cause);
  }
}

/** Makes or moves a symbolic link in one go: whoever follows it meanwhile gets the old target or the new one. */
export async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw toFileError('write', path, cause);
  }
}

/** What `writeFileAtomic` may be told. */
export interface WriteOptions {
  /** Permission bits of the new file, whatever the umask; 0o600 for keys. */
  mode?: number;
  /** Whose it is to be; the one who runs this when absent. */
  owner?: Ids | undefined;
}

/**
 * Writes a file so that a reader, a crash or a full disk sees the old content or the new, never a part: a temporary
 * file beside it, synced, then renamed over it. The mode is set before the first byte, so a key is never readable by
 * others, not even for a moment. The directory must exist; throws FileError and leaves no temporary file.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644, owner }: WriteOptions = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw toFileError('write', path, cause);
  }
}

/** Makes the rename itself durable. Some file systems refuse to sync a directory; the content is safe all the same. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch {
    // Only durability of the name across a power cut is at stake.
  }
}
