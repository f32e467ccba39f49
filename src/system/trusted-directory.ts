/**
 * A directory of secrets below one that somebody else may write to: what root keeps below a service's own directory could
 * be moved away and replaced by that service. It is opened once, looked at, and from then on used by that handle.
 */
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { FileError, toFileError } from './files.ts';

/** Kept open until it is closed. */
export interface TrustedDirectory {
  /** Leads to this very directory, whatever is put in its place meanwhile; good until it is closed. */
  readonly path: string;
  close(): Promise<void>;
}

/** Somebody other than its owner could have written there. */
const OTHERS_WRITE = 0o022;

/**
 * Opens a directory that is no link, belongs to whoever runs this, and that nobody else can write to.
 * @throws FileError
 */
export async function openTrustedDirectory(path: string): Promise<TrustedDirectory> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const directory = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch((cause) => {
    const error = cause as NodeJS.ErrnoException;
    // A link is refused in words of its own, which say little.
    throw toFileError('read', path, error.code === 'ELOOP' ? new Error('it is a link, not a directory') : cause);
  });
  try {
    const { uid, mode } = await directory.stat();
    const self = process.getuid?.();
    if (self !== undefined && uid !== self) throw distrust(path, `it belongs to user ${uid}, not to ${self}`);
    if ((mode & OTHERS_WRITE) !== 0) throw distrust(path, 'others can write to it');
    const handle = `/proc/self/fd/${directory.fd}`;
    const hasHandles = await access(handle).then(
      () => true,
      () => false,
    );
    return { path: hasHandles ? handle : path, close: () => directory.close() };
  } catch (error) {
    await directory.close();
    throw error;
  }
}

function distrust(path: string, reason: string): FileError {
  return new FileError('read', path, 'other', new Error(reason));
}
