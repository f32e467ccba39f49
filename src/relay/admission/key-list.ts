import { ProtocolError } from '../../protocol/errors.ts';
import { parsePublicKey } from '../../protocol/keys.ts';
import { FileError, readBytes } from '../../system/files.ts';
import { defaults } from '../defaults.ts';
import { RelayStartError } from '../start-error.ts';

/** Keys that are let in. */
export class KeyList {
  readonly #keys: ReadonlySet<string>;

  constructor(keys: Iterable<Buffer>) {
    this.#keys = new Set(Array.from(keys, (key) => key.toString('latin1')));
  }

  get size(): number {
    return this.#keys.size;
  }

  has(key: Buffer): boolean {
    return this.#keys.has(key.toString('latin1'));
  }
}

/** A line that is neither a key, nor a comment, nor blank. */
export class KeyListError extends Error {
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, problem: string) {
    super(problem);
    this.name = 'KeyListError';
    this.line = line;
  }
}

function parseLine(text: string, number: number): Buffer | undefined {
  if (text.length > defaults.keyListLineLength) {
    throw new KeyListError(number, `is longer than ${defaults.keyListLineLength} characters`);
  }
  const entry = text.replace(/#.*/, '').trim();
  if (entry === '') return undefined;
  // Never quoted: somebody may have put a private key here.
  if (entry.startsWith('privkey:')) throw new KeyListError(number, 'holds a private key; only public ones belong here');
  try {
    return parsePublicKey(entry);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new KeyListError(number, 'is not a key of the form nodekey:<64 hex digits>; comments begin with #');
  }
}

/**
 * Parses a list of keys: one `nodekey:<64 hex digits>` a line, blank lines, and comments from # to the end of a line.
 * @throws KeyListError
 */
export function parseKeyList(text: string): KeyList {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const keys = lines.map((line, i) => parseLine(line, i + 1));
  return new KeyList(keys.filter((key) => key !== undefined));
}

/**
 * Reads a file with a list of keys.
 * @throws RelayStartError bad-key-list, naming the file and the line
 */
export async function loadKeyList(path: string): Promise<KeyList> {
  try {
    const bytes = await readBytes(path);
    if (bytes.length > defaults.keyListBytes) {
      throw new RelayStartError('bad-key-list', `${path} is longer than ${defaults.keyListBytes} bytes`);
    }
    return parseKeyList(bytes.toString('utf8'));
  } catch (cause) {
    if (cause instanceof FileError) throw new RelayStartError('bad-key-list', cause.message, { cause });
    if (!(cause instanceof KeyListError)) throw cause;
    throw new RelayStartError('bad-key-list', `${path}, line ${cause.line} ${cause.message}`, { cause });
  }
}
