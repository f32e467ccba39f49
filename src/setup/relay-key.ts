/** The relay's own key: kept when it is there, since clients may know it; made when there is none. */
import { ProtocolError } from '../protocol/errors.ts';
import { formatKeyFile, generateKeyPair, parseKeyFile } from '../protocol/keys.ts';
import { FileError, readTextIfPresent } from '../system/files.ts';
import { fileRule } from './documents.ts';
import type { Problem } from './problems.ts';

/** Looks at the key file: `created` is the text of a new one where there is none. A damaged one is never replaced. */
export async function chooseRelayKey(path: string): Promise<{ created?: string; problems: Problem[] }> {
  try {
    const text = await readTextIfPresent(path);
    if (text === undefined) return { created: formatKeyFile(generateKeyPair()), problems: [] };
    parseKeyFile(text);
    return { problems: [] };
  } catch (error) {
    if (error instanceof ProtocolError) return { problems: [{ subject: path, rule: { code: 'bad-relay-key' } }] };
    if (error instanceof FileError) return { problems: [{ subject: path, rule: fileRule(error) }] };
    throw error;
  }
}
