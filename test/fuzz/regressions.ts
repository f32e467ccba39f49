/** Inputs that once broke a promise, kept as files: `regressions/<target>/<hash>.bin`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hashOf } from './random.ts';
import type { FuzzTarget } from './target.ts';

/** Where a target's inputs are: its name, without what file systems do not like. */
function folderOf(root: string, target: string): string {
  return join(root, target.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
}

/** Keeps an input. @returns the file */
export function saveRegression(root: string, target: string, input: Uint8Array): string {
  const file = join(folderOf(root, target), `${hashOf(input).toString(16).padStart(8, '0')}.bin`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, input);
  return file;
}

/** The inputs that are kept for a target, with their files. */
export function savedRegressions(root: string, { name }: FuzzTarget): { file: string; input: Buffer }[] {
  const folder = folderOf(root, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.bin'))
    .sort()
    .map((file) => ({ file: join(folder, file), input: readFileSync(join(folder, file)) }));
}
