/** Which installed programs have had their day: two versions stay, the one in use and the one before it. */
import { join } from 'node:path';
import type { Layout } from '../deploy/layout.ts';
import { kindOfEntry, namesIn, readLink } from '../system/files.ts';
import { compareVersions } from './versions.ts';

const VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/**
 * The versions among `names` that go, when `wanted` is going to be used and `used` has been until now. Names that are no
 * versions are somebody else's.
 */
export function outdatedVersions(names: readonly string[], wanted: string, used?: string): string[] {
  const others = names.filter((name) => VERSION.test(name) && name !== wanted).sort(compareVersions);
  const previous = used !== undefined && others.includes(used) ? used : others.at(-1);
  return others.filter((name) => name !== previous);
}

/** The directories below the installed programs that go, and so for the copies of Node. @throws FileError */
export async function outdatedPrograms(
  layout: Pick<Layout, 'programsDirectory' | 'currentPrograms'>,
  wanted: { version: string; nodeVersion: string },
): Promise<string[]> {
  const { programsDirectory, currentPrograms } = layout;
  const runtimes = join(programsDirectory, 'node');
  const used = (await kindOfEntry(currentPrograms)) === 'link' ? await readLink(currentPrograms) : undefined;
  const programs = outdatedVersions(await namesIn(programsDirectory), wanted.version, used);
  const nodes = outdatedVersions(await namesIn(runtimes), wanted.nodeVersion);
  return [...programs.map((name) => join(programsDirectory, name)), ...nodes.map((name) => join(runtimes, name))];
}
