/** Small files whose names came from strangers: what is read is a plain file of that very name, or nothing. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FileError, toFileError } from './files.ts';

/**
 * The bytes of a plain file, or undefined when there is none. Links are not followed (the last part of the path), and
 * pipes and devices are not waited for. The caller makes sure that the name stays where it belongs.
 * @throws FileError when something else than a plain file is there, it is longer than `limit` bytes or may not be read
 */
export async function readSmallFile(path: string, limit: number): Promise<Buffer | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'ENXIO') throw new FileError('read', path, 'other', new Error('not a plain file'));
    throw toFileError('read', path, cause);
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new FileError('read', path, 'other', new Error('not a plain file'));
    // One byte more than allowed, in case it grows meanwhile.
    const buffer = Buffer.alloc(limit + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > limit) throw new FileError('read', path, 'other', new Error(`longer than ${limit} bytes`));
    return buffer.subarray(0, length);
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw toFileError('read', path, cause);
  } finally {
    await file.close();
  }
}
