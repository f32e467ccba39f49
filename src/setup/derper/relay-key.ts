/** A derper's own key, which tells clients and mesh partners that it is the same relay. */
import { ProtocolError } from '../../protocol/errors.ts';
import { formatKeyFile, formatPublicKey, parseKeyFile } from '../../protocol/keys.ts';
import { type MissingCode, readDerperFile } from './derper-files.ts';
import type { ExistingDerper } from './existing.ts';
import type { DerperSettings } from './settings.ts';

/** Why there is no key to take over; a new one is made then. `temporary`: derper makes one for each run (`-dev`). */
export type KeyGapCode = MissingCode | 'damaged' | 'temporary';

/** The key. */
export interface FoundKey {
  /** The file that it comes from, as derper names it. */
  path: string;
  /** `nodekey:…`, which may be shown. */
  publicKey: string;
  /** Secret: the text of a key file. A function, so that no report or log takes it along. */
  keyFile(): string;
}

/** The key, or why there is none. */
export type KeyResult = { ok: true; key: FoundKey } | { ok: false; code: KeyGapCode; path: string | undefined };

/** Reads the key that derper runs with. */
export async function findRelayKey(
  derper: ExistingDerper,
  { temporaryKey, keyFile }: Pick<DerperSettings, 'temporaryKey' | 'keyFile'>,
): Promise<KeyResult> {
  if (temporaryKey) return { ok: false, code: 'temporary', path: undefined };
  if (keyFile === undefined) return { ok: false, code: 'unknown-place', path: undefined };
  const file = await readDerperFile(derper, keyFile);
  if (!file.ok) return file;
  try {
    const pair = parseKeyFile(file.text);
    const publicKey = formatPublicKey(pair.publicKey);
    return { ok: true, key: { path: file.path, publicKey, keyFile: () => formatKeyFile(pair) } };
  } catch (error) {
    if (error instanceof ProtocolError) return { ok: false, code: 'damaged', path: file.path };
    throw error;
  }
}
