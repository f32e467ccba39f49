/** The installation that is there, from the manifest that it was recorded in. */
import { join } from 'node:path';
import type { Layout } from '../deploy/layout.ts';
import { type Manifest, ManifestError, parseManifest, type WrittenFile } from '../deploy/manifest.ts';
import { FileError, readTextIfPresent } from '../system/files.ts';
import { fileRule } from './answers/documents.ts';
import type { Problem } from './answers/problems.ts';

/** The manifest of the installation; undefined where nothing is installed, or with what is wrong with it. */
export async function readInstallation(layout: Layout): Promise<{ manifest?: Manifest; problems: Problem[] }> {
  const subject = layout.manifest;
  try {
    const text = await readTextIfPresent(subject);
    return text === undefined ? { problems: [] } : { manifest: parseManifest(text), problems: [] };
  } catch (error) {
    if (error instanceof FileError) return { problems: [{ subject, rule: fileRule(error) }] };
    if (!(error instanceof ManifestError)) throw error;
    const rule = error.problem === 'newer' ? 'newer-config' : 'bad-manifest';
    return { problems: [{ subject, rule: { code: rule } }] };
  }
}

/** The files whose content is known, by their paths below `root`. */
export function writtenFiles(manifest: Manifest | undefined, root: string): Map<string, WrittenFile> {
  const known = (manifest?.files ?? []).filter(({ sha256 }) => sha256 !== undefined);
  return new Map(known.map((file) => [join(root, file.path), file]));
}
