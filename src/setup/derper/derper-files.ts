/** Files as a derper sees them: on the host, through a container's mounts, or in the container alone. */
import { posix } from 'node:path';
import { FileError, readText } from '../../system/files.ts';
import { copyFromContainer } from './container-engine.ts';
import { hostPathOf } from './container-facts.ts';
import type { ExistingDerper } from './existing.ts';

/** Why a file could not be had; `unknown-place`: it is named from a directory that could not be found out. */
export type MissingCode = 'missing' | 'unreadable' | 'unknown-place';

/** A file's text, or why there is none. */
export type FoundFile =
  | {
      ok: true;
      text: string;
      /** As derper names it. */
      path: string;
      /** Where it lies on the host, if it will stay there when derper is gone. */
      hostPath: string | undefined;
    }
  | { ok: false; code: MissingCode; path: string };

/** A path of derper's, made absolute; undefined when nobody knows what it starts from. */
export function absolutePathOf({ workingDirectory }: Pick<ExistingDerper, 'workingDirectory'>, path: string) {
  if (posix.isAbsolute(path)) return posix.normalize(path);
  return workingDirectory === undefined ? undefined : posix.join(workingDirectory, path);
}

/** Where a path of derper's is on the host; undefined for one that is in a container alone. */
export function hostPlaceOf(derper: ExistingDerper, path: string): string | undefined {
  const absolute = absolutePathOf(derper, path);
  if (derper.kind !== 'container' || absolute === undefined) return absolute;
  const place = derper.facts && hostPathOf(derper.facts.mounts, absolute);
  // What the engine keeps goes away with the container.
  return place?.kind === 'bind' ? place.path : undefined;
}

async function readOnHost(path: string): Promise<{ text: string } | { code: MissingCode }> {
  try {
    return { text: await readText(path) };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { code: ['missing', 'not-directory'].includes(error.problem) ? 'missing' : 'unreadable' };
  }
}

/** Reads a file by the name that derper has for it. */
export async function readDerperFile(derper: ExistingDerper, path: string): Promise<FoundFile> {
  const absolute = absolutePathOf(derper, path);
  if (absolute === undefined) return { ok: false, code: 'unknown-place', path };
  const hostPath = hostPlaceOf(derper, absolute);
  if (hostPath !== undefined) {
    const read = await readOnHost(hostPath);
    if ('text' in read) return { ok: true, text: read.text, path: absolute, hostPath };
    if (derper.kind !== 'container') return { ok: false, code: read.code, path: absolute };
    // A link in the mounted directory may lead to a place that only the container has.
  }
  if (derper.kind !== 'container' || derper.engine === 'other' || derper.facts === undefined) {
    return { ok: false, code: 'unreadable', path: absolute };
  }
  const text = await copyFromContainer(derper.engine, derper.id, absolute);
  return text === undefined
    ? { ok: false, code: 'missing', path: absolute }
    : { ok: true, text, path: absolute, hostPath: undefined };
}
