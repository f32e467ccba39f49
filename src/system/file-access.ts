/**
 * Mode and owner of what lies in a directory that somebody else may write to: root must not be led to another file by a
 * link that was put in the place of the one that is meant.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FileError, type Ids, toFileError } from './files.ts';

const NOT_PLAIN = 'it is a link, or has another name too, or is no plain file';

/** Opens the very entry of that name, and no other one, for as long as `work` takes. */
async function withEntry(path: string, work: (entry: FileHandle) => Promise<void>): Promise<void> {
  try {
    // A pipe is not waited for.
    const entry = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const found = await entry.stat();
      const isPlain = found.isDirectory() || (found.isFile() && found.nlink === 1);
      if (!isPlain) throw new FileError('write', path, 'other', new Error(NOT_PLAIN));
      await work(entry);
    } finally {
      await entry.close();
    }
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    const isLink = (cause as NodeJS.ErrnoException).code === 'ELOOP';
    throw isLink ? new FileError('write', path, 'other', new Error(NOT_PLAIN)) : toFileError('write', path, cause);
  }
}

/** Sets the permission bits of a plain file or a directory. @throws FileError, for links too */
export function setEntryMode(path: string, mode: number): Promise<void> {
  return withEntry(path, (entry) => entry.chmod(mode));
}

/** Gives a plain file or a directory to somebody. @throws FileError, for links too */
export function setEntryOwner(path: string, { uid, gid }: Ids): Promise<void> {
  return withEntry(path, (entry) => entry.chown(uid, gid));
}

/** Why a file cannot be changed in its place by writing a new one over it; undefined when it can. */
export async function editability(path: string): Promise<'hard-link' | 'not-writable' | undefined> {
  try {
    // Also root may not open an immutable file for writing, nor one on a file system that is read-only.
    const file = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      return (await file.stat()).nlink > 1 ? 'hard-link' : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return 'not-writable';
  }
}
