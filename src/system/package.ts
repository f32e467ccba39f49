/** The files of this package itself, wherever it runs from. */
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kindOf, readText } from './files.ts';

/** The directory of this package: of its sources or of its bundles, whichever run. Links are followed. */
export async function packageDirectory(): Promise<string> {
  let directory = dirname(fileURLToPath(import.meta.url));
  while ((await kindOf(join(directory, 'package.json'))) !== 'file') directory = dirname(directory);
  return realpath(directory);
}

/** The texts of the package's templates, by file name. */
export async function readTemplates(): Promise<Record<string, string>> {
  const directory = join(await packageDirectory(), 'templates');
  const names = await readdir(directory);
  const texts = await Promise.all(names.map((name) => readText(join(directory, name))));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]!]));
}
