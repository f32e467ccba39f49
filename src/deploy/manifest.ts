/** What an installation consists of, in a file of its own: exactly this is what `uninstall` removes. */
import { createHash } from 'node:crypto';
import { basename, dirname, join, relative } from 'node:path';
import { isNginxRecord, type NginxRecord } from './nginx/record.ts';
import { type ComposeProject, composeProject, type FilePurpose, type Opening, type Step } from './steps.ts';

/** The form of the file that this version writes. */
const MANIFEST_VERSION = 1;

/**
 * A file that was written, with a digest of what was written; secrets and certificates have none. `earlier` are digests of
 * what was written before that, the newest first: a run that is killed leaves files as they were before it.
 */
export interface WrittenFile {
  path: string;
  purpose: FilePurpose;
  sha256?: string;
  earlier?: readonly string[];
}

/** The installation. */
export interface Manifest {
  /** Of derp-setup, when it last changed something. */
  version: string;
  files: WrittenFile[];
  /** Those that were made. */
  directories: string[];
  /** Directories that are ours with everything in them. */
  trees: string[];
  units: string[];
  /** The system user, if it was made for the relay. */
  user?: string;
  firewall?: { tool: string; openings: readonly Opening[] };
  /** The project of Docker Compose that runs the relay, or ran it. */
  compose?: ComposeProject;
  /** The derper that was stopped in favour of the relay, and what a person would type to have it serve again. */
  stoppedDerper?: { name: string; bringBack?: string };
  /** The nginx that shares a port with the relay. */
  nginx?: NginxRecord;
}

/** A digest of a file's content. */
export function digestOf(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** What must be known of earlier runs, because the machine as it is does not tell. */
export interface Before {
  manifest?: Manifest | undefined;
  /** There is a user already that is somebody else's; below another root, nobody knows. */
  userExists: boolean;
  /** The directories of the plan that are there already. */
  existingDirectories: ReadonlySet<string>;
  /** The directory of all programs. */
  programsDirectory: string;
  /** Where the plan writes; the manifest's paths are those of the machine that the files are for. */
  root: string;
  /** Which openings this run adds, or earlier ones added. */
  openings: readonly Opening[];
  /** The nginx that shares a port with the relay from then on. */
  nginx?: NginxRecord | undefined;
}

/** More runs than this are not killed one after the other. */
const MOST_EARLIER = 4;

/** The digest of a file's new content, and those before. The same as before where the content is. */
function digestsOf(content: string, known: WrittenFile | undefined): Pick<WrittenFile, 'sha256' | 'earlier'> {
  const sha256 = digestOf(content);
  const { sha256: last, earlier = [] } = known ?? {};
  const before = last === undefined || last === sha256 ? earlier : [last, ...earlier];
  const others = before.filter((digest) => digest !== sha256).slice(0, MOST_EARLIER);
  return { sha256, ...(others.length > 0 && { earlier: others }) };
}

/** Whether a file's content is something that was written by us. */
export function isAsWritten({ sha256, earlier = [] }: WrittenFile, data: Buffer | string): boolean {
  return [sha256, ...earlier].includes(digestOf(data));
}

/** The manifest of a plan's steps: what an earlier run made stays ours. */
export function manifestOf(steps: readonly Step[], version: string, before: Before): Manifest {
  const { programsDirectory, existingDirectories, manifest: old, root } = before;
  const inside = (path: string) => join('/', relative(root, path));
  const trees = [inside(programsDirectory)];
  const manifest: Manifest = { version, files: [], directories: [], trees, units: [] };
  for (const step of steps) {
    if (step.kind === 'file') {
      const { path, purpose, secret, content } = step;
      const isDigested = !secret && purpose !== 'certificate' && purpose !== 'manifest';
      const known = old?.files.find((file) => file.path === inside(path));
      const digests = isDigested ? digestsOf(content, known) : {};
      manifest.files.push({ path: inside(path), purpose, ...digests });
      if (purpose === 'compose') manifest.compose = composeProject(dirname(inside(path)));
      if (purpose === 'unit' && content.includes('[Install]')) manifest.units.push(basename(path));
    } else if (step.kind === 'owner') manifest.files.push({ path: inside(step.path), purpose: step.purpose });
    else if (step.kind === 'directory') {
      // Our own may be there from an installation whose keys were kept; others' stay.
      const isOwn = inside(step.path).includes('/derp-setup');
      const ours = step.path !== programsDirectory && (isOwn || !existingDirectories.has(step.path));
      if (ours) manifest.directories.push(inside(step.path));
    } else if (step.kind === 'user' && (!before.userExists || old?.user === step.name)) manifest.user = step.name;
    else if (step.kind === 'firewall') manifest.firewall = { tool: step.tool, openings: before.openings };
    else if (step.kind === 'stop-derper') {
      const { name, bringBack } = step;
      manifest.stoppedDerper = { name, ...(bringBack !== undefined && { bringBack }) };
    }
  }
  if (before.nginx !== undefined) manifest.nginx = before.nginx;
  if (old === undefined) return inOrder(manifest);
  const removed = new Set(
    steps.flatMap((step) => (step.kind === 'remove' && step.what === 'file' ? [inside(step.path)] : [])),
  );
  return inOrder({
    ...manifest,
    files: union(
      manifest.files,
      old.files.filter(({ path }) => !removed.has(path)),
      ({ path }) => path,
    ),
    directories: union(manifest.directories, old.directories, String),
    trees: union(manifest.trees, old.trees, String),
    units: union(manifest.units, old.units, String),
    ...(manifest.firewall === undefined && old.firewall && { firewall: old.firewall }),
    ...(manifest.compose === undefined && old.compose && { compose: old.compose }),
    ...(manifest.stoppedDerper === undefined && old.stoppedDerper && { stoppedDerper: old.stoppedDerper }),
  });
}

/** By path, so that the same installation always has the same text; a directory comes before what is in it. */
function inOrder(manifest: Manifest): Manifest {
  const files = [...manifest.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { ...manifest, files, directories: [...manifest.directories].sort() };
}

function union<T>(now: readonly T[], old: readonly T[], key: (entry: T) => string): T[] {
  const known = new Set(now.map(key));
  return [...now, ...old.filter((entry) => !known.has(key(entry)))];
}

/** The text of the file. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ manifestVersion: MANIFEST_VERSION, ...manifest }, null, 2)}\n`;
}

/** Thrown for a manifest that cannot be used. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly problem: 'damaged' | 'newer';

  constructor(problem: 'damaged' | 'newer') {
    super(problem === 'newer' ? 'it was written by a newer derp-setup' : 'it is damaged');
    this.problem = problem;
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string');

function isWrittenFile(value: unknown): value is WrittenFile {
  const file = value as Partial<Record<keyof WrittenFile, unknown>> | null;
  return typeof file?.path === 'string' && (file.earlier === undefined || isTexts(file.earlier));
}

/** Reads the file's text. @throws ManifestError */
export function parseManifest(text: string): Manifest {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new ManifestError('damaged');
  }
  if (typeof json !== 'object' || json === null) throw new ManifestError('damaged');
  const { manifestVersion, ...manifest } = json;
  if (typeof manifestVersion !== 'number') throw new ManifestError('damaged');
  if (manifestVersion > MANIFEST_VERSION) throw new ManifestError('newer');
  const { version, files, directories, trees, units } = manifest;
  const whole =
    typeof version === 'string' &&
    Array.isArray(files) &&
    files.every(isWrittenFile) &&
    [directories, trees, units].every(isTexts) &&
    (manifest.nginx === undefined || isNginxRecord(manifest.nginx));
  if (!whole) throw new ManifestError('damaged');
  return manifest as unknown as Manifest;
}
