/** The key of an external account, from its file. */
import { FileError, readText } from '../../system/files.ts';
import { fileRule } from '../answers/documents.ts';
import type { Rule } from '../answers/problems.ts';

/** Reads the key, which authorities give as base64url; it is a secret. */
export async function readMacKey(path: string): Promise<{ macKey: string } | { rule: Rule }> {
  try {
    const text = (await readText(path)).trim().replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
    return /^[A-Za-z0-9_-]{16,1024}$/.test(text) ? { macKey: text } : { rule: { code: 'not-a-mac-key' } };
  } catch (error) {
    if (error instanceof FileError) return { rule: fileRule(error) };
    throw error;
  }
}
