/** The files that systemd reads: units with their drop-ins, and the links that switch units on. */
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toFileError } from './files.ts';

/** Where systemd looks for system units; the first that has a name counts. */
const UNIT_DIRECTORIES = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
];

/** Where `systemctl enable`, `disable`, `mask` and `link` make and remove links. */
const LINK_DIRECTORIES = ['/etc/systemd/system', '/run/systemd/system'];

/** One service. */
export interface UnitFile {
  /** With the suffix: `derper.service`. */
  name: string;
  path: string;
  /** The unit's own text, then its drop-ins', in the order in which systemd reads them. */
  texts: string[];
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

async function textOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The texts of a unit's drop-ins: by file name over all directories, the first directory's of each name. */
async function dropIns(name: string): Promise<string[]> {
  const paths = new Map<string, string>();
  for (const directory of UNIT_DIRECTORIES) {
    for (const file of await namesIn(join(directory, `${name}.d`))) {
      if (file.endsWith('.conf') && !paths.has(file)) paths.set(file, join(directory, `${name}.d`, file));
    }
  }
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = await Promise.all(sorted.map(([, path]) => textOrUndefined(path)));
  return texts.filter((text) => text !== undefined);
}

/** All services of this machine that have a file, by name. Masked ones (a link to /dev/null) are empty. */
export async function serviceFiles(): Promise<UnitFile[]> {
  const found = new Map<string, UnitFile>();
  for (const directory of UNIT_DIRECTORIES) {
    for (const name of await namesIn(directory)) {
      if (!name.endsWith('.service') || found.has(name)) continue;
      const path = join(directory, name);
      // `name.service` may also be a directory, or a link to a file that is gone.
      if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
        const text = await textOrUndefined(path);
        if (text !== undefined) found.set(name, { name, path, texts: [text, ...(await dropIns(name))] });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether systemd runs this machine, by the test that systemd itself recommends (sd_booted(3)). */
export async function isSystemdMachine(): Promise<boolean> {
  return (await lstat('/run/systemd/system').catch(() => undefined))?.isDirectory() ?? false;
}

/** A symbolic link. */
export interface Link {
  path: string;
  target: string;
}

async function linksIn(directory: string): Promise<Link[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const links = entries.filter((entry) => entry.isSymbolicLink()).map((entry) => join(entry.parentPath, entry.name));
  const targets = await Promise.all(links.map((path) => readlink(path).catch(() => undefined)));
  return links.flatMap((path, at) => (targets[at] === undefined ? [] : [{ path, target: targets[at] }]));
}

/** The links by which units are switched on, masked or taken in from elsewhere. */
export async function unitLinks(): Promise<Link[]> {
  return (await Promise.all(LINK_DIRECTORIES.map(linksIn))).flat();
}

/** Makes a link as it was, with the directory above it; fine if the same is there. @throws FileError */
export async function makeLink({ path, target }: Link): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await symlink(target, path);
  } catch (cause) {
    if ((await readlink(path).catch(() => undefined)) !== target) throw toFileError('write', path, cause);
  }
}

/** Removes a link, unless it leads elsewhere by now; fine if it is gone. @throws FileError */
export async function removeLink({ path, target }: Link): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) !== target) return;
  try {
    await unlink(path);
  } catch (cause) {
    throw toFileError('write', path, cause);
  }
}
