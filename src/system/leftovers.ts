/**
 * What a run that was killed half-way leaves beside the files that it wrote: drafts that never got their name, and
 * directories that were set aside. Runs that end by themselves leave none.
 */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** How drafts of files and links are named, see files.ts: `.name.`, twelve hexadecimal digits, `.tmp`. */
const DRAFT = /^[0-9a-f]{12}\.tmp$/;
/** How directories are named that are set aside, or not whole yet, see trees.ts: `.name.` and six letters or digits. */
const SET_ASIDE = /^[A-Za-z0-9]{6}$/;

/** Whether `entry` is a leftover of writing the file, or installing the tree, `name`. */
export function isLeftover(entry: string, name: string, isDirectory: boolean): boolean {
  const prefix = `.${name}.`;
  return entry.startsWith(prefix) && (isDirectory ? SET_ASIDE : DRAFT).test(entry.slice(prefix.length));
}

/**
 * Removes what was left beside these paths. Nobody may be writing them at the moment. What cannot be removed stays: it
 * is in nobody's way.
 */
export async function removeLeftovers(paths: readonly string[]): Promise<void> {
  const names = new Map<string, string[]>();
  for (const path of paths) names.set(dirname(path), [...(names.get(dirname(path)) ?? []), basename(path)]);
  for (const [directory, known] of names) {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!known.some((name) => isLeftover(entry.name, name, entry.isDirectory()))) continue;
      await rm(join(directory, entry.name), { recursive: true, force: true }).catch(() => {});
    }
  }
}
