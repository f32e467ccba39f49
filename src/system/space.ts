/** Room on the disks. */
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toFileError } from './files.ts';

/** The size of a file, bytes. @throws FileError */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw toFileError('read', path, cause);
  }
}

/** The file system that `path` is on, or would be on, and the bytes that this user may still write there. @throws FileError */
export async function spaceAt(path: string): Promise<{ device: number; free: number }> {
  try {
    const [{ dev }, { bsize, bfree, bavail }] = await Promise.all([stat(path), statfs(path)]);
    // Some room is kept for root.
    return { device: dev, free: bsize * (process.getuid?.() === 0 ? bfree : bavail) };
  } catch (cause) {
    const error = toFileError('read', path, cause);
    if (!['missing', 'not-directory'].includes(error.problem) || path === dirname(path)) throw error;
    return spaceAt(dirname(path));
  }
}
