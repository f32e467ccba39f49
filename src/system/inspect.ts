/** A look at files and file systems without opening them. */
import { stat, statfs } from 'node:fs/promises';
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
