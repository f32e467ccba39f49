/** The two files of a certificate: replaced one after the other, with those before kept beside them. */
import { type Ids, readSnapshot, writeFileAtomic } from '../../system/files.ts';

/** Where a pair is. */
export interface PairPaths {
  certFile: string;
  keyFile: string;
}

/** A chain with its key, PEM; the key is a secret. */
export interface PairTexts {
  certPem: string;
  keyPem: string;
}

/** Whose the files are to be; the ones that run this when absent. */
export interface PairOwnership {
  certMode: number;
  keyMode: number;
  owner: Ids | undefined;
}

/** The name of the file that was there before. */
export function previousName(path: string): string {
  return `${path}.previous`;
}

async function keep(path: string): Promise<void> {
  const before = await readSnapshot(path);
  if (before === undefined) return;
  await writeFileAtomic(previousName(path), before.data, { mode: before.mode, owner: before });
}

/**
 * Writes a pair, keeping the one before under another name. Between the two files there is a moment in which they do
 * not fit together; whoever reads them then takes neither, and looks again.
 */
export async function writePair(
  { certFile, keyFile }: PairPaths,
  { certPem, keyPem }: PairTexts,
  { certMode, keyMode, owner }: PairOwnership,
): Promise<void> {
  await keep(keyFile);
  await keep(certFile);
  await writeFileAtomic(keyFile, keyPem, { mode: keyMode, owner });
  await writeFileAtomic(certFile, certPem, { mode: certMode, owner });
}

/** Puts the pair before back in its place; false where there is none. */
export async function restorePair({ certFile, keyFile }: PairPaths): Promise<boolean> {
  const [cert, key] = await Promise.all([certFile, keyFile].map((path) => readSnapshot(previousName(path))));
  if (!cert || !key) return false;
  await writeFileAtomic(keyFile, key.data, { mode: key.mode, owner: key });
  await writeFileAtomic(certFile, cert.data, { mode: cert.mode, owner: cert });
  return true;
}
