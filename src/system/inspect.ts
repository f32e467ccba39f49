/** A look at files and file systems. */
import { constants } from 'node:fs';
import { lstat, open, stat, statfs } from 'node:fs/promises';
import { type Ids, toFileError } from './files.ts';

/** Permission bits and owner of a file or directory, links followed; undefined when there is none. @throws FileError */
export async function readOwnership(path: string): Promise<(Ids & { mode: number }) | undefined> {
  try {
    const { mode, uid, gid } = await stat(path);
    return { mode: mode & 0o7777, uid, gid };
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing' || error.problem === 'not-directory') return undefined;
    throw error;
  }
}

/** Room on a file system, as far as a user without privileges may take it up. */
export interface Room {
  freeBytes: number;
  /** Files that can still be made; undefined where the file system sets no limit. */
  freeFiles: number | undefined;
}

/** The room on the file system that holds `path`. @throws FileError */
export async function readRoom(path: string): Promise<Room> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(path);
    return { freeBytes: bavail * bsize, freeFiles: files > 0 ? ffree : undefined };
  } catch (cause) {
    throw toFileError('read', path, cause);
  }
}

/**
 * How a file begins; `missing` when nothing is there, `other` for anything but a plain file: a link, wherever it leads,
 * a directory, a device. @throws FileError
 */
export async function readBeginning(path: string, bytes: number): Promise<{ text: string } | 'missing' | 'other'> {
  try {
    if (!(await lstat(path)).isFile()) return 'other';
    // It may have become something else meanwhile: a link must not be followed, and a pipe must not be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return 'other';
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
      return { text: buffer.toString('utf8', 0, bytesRead) };
    } finally {
      await file.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ELOOP') return 'other';
    const error = toFileError('read', path, cause);
    if (error.problem === 'missing') return 'missing';
    throw error;
  }
}
