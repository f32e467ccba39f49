import { dirname } from 'node:path';
import { ProtocolError } from '../protocol/errors.ts';
import { formatKeyFile, generateKeyPair, type KeyPair, parseKeyFile } from '../protocol/keys.ts';
import { ensureDirectory, FileError, readTextIfPresent, writeFileAtomic } from '../system/files.ts';
import { RelayStartError } from './start-error.ts';

/**
 * The relay's key pair from derper's JSON key file; a new one is made and written (mode 0600) when there is no file.
 * A file that cannot be understood is never replaced: it may be the only copy of the key that clients know.
 * @throws RelayStartError bad-key-file
 */
export async function loadOrCreateIdentity(path: string): Promise<KeyPair> {
  try {
    const text = await readTextIfPresent(path);
    if (text !== undefined) return parseKeyFile(text);
    const pair = generateKeyPair();
    await ensureDirectory(dirname(path), 0o700);
    await writeFileAtomic(path, formatKeyFile(pair), { mode: 0o600 });
    return pair;
  } catch (error) {
    if (error instanceof ProtocolError) {
      throw new RelayStartError(
        'bad-key-file',
        `${path}: ${error.message}; restore it from a backup, or move it away to get a new key`,
        { cause: error },
      );
    }
    if (error instanceof FileError) throw new RelayStartError('bad-key-file', error.message, { cause: error });
    throw error;
  }
}
