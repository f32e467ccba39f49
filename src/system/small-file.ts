/** Files of limited length; also such whose names came from strangers. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FileError, toFileError } from './files.ts';

const CHUNK = 64 << 10;

/**
 * The bytes of a plain file, or undefined when there is none. Links are not followed (the last part of the path), and
 * pipes and devices are not waited for. The caller makes sure that the name stays where it belongs.
 * @throws FileError when something else than a plain file is there, it is longer than `limit` bytes or may not be read
 */
export async function readSmallFile(path: string, limit: number): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'ENXIO') throw notPlain(path);
    throw toFileError('read', path, cause);
  }
  return readOpen(file, path, limit);
}

/** The bytes of a file that somebody chose: links are followed. @throws FileError, also when it is longer than `limit` */
export async function readSizedFile(path: string, limit: number): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw toFileError('read', path, cause);
  }
  return readOpen(file, path, limit);
}

function notPlain(path: string): FileError {
  return new FileError('read', path, 'other', new Error('not a plain file'));
}

async function readOpen(file: FileHandle, path: string, limit: number): Promise<Buffer> {
  try {
    if (!(await file.stat()).isFile()) throw notPlain(path);
    const chunks: Buffer[] = [];
    let length = 0;
    // One byte more than allowed shows a file that is too long, even one that grows meanwhile.
    while (length <= limit) {
      const chunk = Buffer.alloc(Math.min(limit + 1 - length, CHUNK));
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) return Buffer.concat(chunks, length);
      chunks.push(chunk.subarray(0, bytesRead));
      length += bytesRead;
    }
    throw new FileError('read', path, 'other', new Error(`longer than ${limit} bytes`));
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw toFileError('read', path, cause);
  } finally {
    await file.close();
  }
}
