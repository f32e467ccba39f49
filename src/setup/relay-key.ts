/** Keys of this machine's own: the relay's, and those of the clients that prove it. Kept when there, made when not. */
import type { ProverKeys } from '../deploy/relay-description.ts';
import { ProtocolError } from '../protocol/errors.ts';
import {
  formatKeyFile,
  formatPrivateKey,
  formatPublicKey,
  generateKeyPair,
  keyPairOf,
  parseKeyFile,
  parsePrivateKey,
} from '../protocol/keys.ts';
import { FileError, readTextIfPresent } from '../system/files.ts';
import { fileRule } from './answers/documents.ts';
import type { Problem } from './answers/problems.ts';

/**
 * Looks at the key file: `created` is the text of a new one where there is none, with the key that is taken over if
 * there is one. A damaged file is never replaced.
 */
export async function chooseRelayKey(path: string, taken?: string): Promise<{ created?: string; problems: Problem[] }> {
  try {
    const text = await readTextIfPresent(path);
    if (text === undefined) return { created: taken ?? formatKeyFile(generateKeyPair()), problems: [] };
    parseKeyFile(text);
    return { problems: [] };
  } catch (error) {
    if (error instanceof ProtocolError) return { problems: [{ subject: path, rule: { code: 'bad-relay-key' } }] };
    if (error instanceof FileError) return { problems: [{ subject: path, rule: fileRule(error) }] };
    throw error;
  }
}

/** The keys of the clients that prove the relay, and the text of a new file of them where there is none. */
export async function chooseProverKeys(
  path: string,
): Promise<{ prover?: ProverKeys; created?: string; problems: Problem[] }> {
  try {
    const text = await readTextIfPresent(path);
    if (text !== undefined) return { prover: parseProverKeys(text), problems: [] };
    const pairs = [generateKeyPair(), generateKeyPair()] as const;
    const created = `${JSON.stringify({ privateKeys: pairs.map(({ privateKey }) => formatPrivateKey(privateKey)) }, null, 2)}\n`;
    return { prover: parseProverKeys(created), created, problems: [] };
  } catch (error) {
    if (error instanceof ProtocolError) return { problems: [{ subject: path, rule: { code: 'bad-prover-keys' } }] };
    if (error instanceof FileError) return { problems: [{ subject: path, rule: fileRule(error) }] };
    throw error;
  }
}

/** Reads `{"privateKeys": ["privkey:…", "privkey:…"]}`. @throws ProtocolError */
export function parseProverKeys(text: string): ProverKeys {
  const bad = () => new ProtocolError('bad-key', 'not a file of two private keys');
  let texts: unknown;
  try {
    texts = (JSON.parse(text) as { privateKeys?: unknown } | null)?.privateKeys;
  } catch {
    throw bad();
  }
  const [first, second] = Array.isArray(texts) && texts.length === 2 ? (texts as unknown[]) : [];
  if (typeof first !== 'string' || typeof second !== 'string') throw bad();
  const privateKeys = [parsePrivateKey(first), parsePrivateKey(second)] as const;
  const [a, b] = privateKeys.map((key) => formatPublicKey(keyPairOf(key).publicKey));
  return { publicKeys: [a!, b!], privateKeys };
}
