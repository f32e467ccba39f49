/** Whole directories: copied, compared, removed. */
import { createHash } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { toFileError } from './files.ts';

async function filesBelow(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The files that `parts` of `from` come to, relative to `from`, sorted. A part that is not there is left out. */
async function filesOfParts(from: string, parts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const part of parts) {
    const path = join(from, part);
    const kind = await stat(path).catch(() => undefined);
    if (kind?.isDirectory()) found.push(...(await filesBelow(path)));
    else if (kind?.isFile()) found.push(path);
  }
  return found.map((path) => path.slice(from.length + 1)).sort();
}

/** A digest of the names and contents of `parts` of a directory; undefined when the directory is not there. */
export async function digestOfParts(from: string, parts: readonly string[]): Promise<string | undefined> {
  if ((await stat(from).catch(() => undefined)) === undefined) return undefined;
  const digest = createHash('sha256');
  for (const file of await filesOfParts(from, parts)) {
    const content = await readFile(join(from, file));
    digest.update(`${file}\0${content.length}\0`).update(content);
  }
  return digest.digest('hex');
}

/** How many files `parts` of a directory are, and their bytes. */
export async function sizeOfParts(from: string, parts: readonly string[]): Promise<{ files: number; bytes: number }> {
  const files = await filesOfParts(from, parts);
  let bytes = 0;
  for (const file of files) bytes += (await stat(join(from, file))).size;
  return { files: files.length, bytes };
}

/** A temporary name beside `path`, on the same file system. */
async function directoryBeside(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  return mkdtemp(join(dirname(path), `.${basename(path)}.`));
}

/**
 * Copies `parts` of `from` to the directory `path`, which is there whole afterwards or as it was before. All may read
 * the copy. Resolves to a function that puts back what was there.
 * @throws FileError
 */
export async function installTree(from: string, parts: readonly string[], path: string): Promise<() => Promise<void>> {
  let fresh: string | undefined;
  try {
    fresh = await directoryBeside(path);
    await chmod(fresh, 0o755);
    for (const part of parts) {
      if ((await stat(join(from, part)).catch(() => undefined)) === undefined) continue;
      await cp(join(from, part), join(fresh, part), { recursive: true });
    }
    for (const entry of await readdir(fresh, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      await chmod(join(entry.parentPath, entry.name), entry.isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644);
    }
    const old = await moveAside(path);
    await rename(fresh, path);
    return async () => {
      await rm(path, { recursive: true, force: true });
      if (old !== undefined) await rename(old, path);
    };
  } catch (cause) {
    if (fresh !== undefined) await rm(fresh, { recursive: true, force: true });
    throw toFileError('write', path, cause);
  }
}

/** Renames what is at `path` to a name beside it. */
async function moveAside(path: string): Promise<string | undefined> {
  if ((await stat(path).catch(() => undefined)) === undefined) return undefined;
  const aside = await directoryBeside(path);
  await rename(path, aside);
  return aside;
}

/** Removes what `installTree` left beside `path` for its undoing, when that is not wanted any more. */
export async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (name.startsWith(`.${basename(path)}.`)) await rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

/** Copies a program, readable and executable by all, whole or not at all. @throws FileError */
export async function installProgramFile(from: string, path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await copyFile(from, temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw toFileError('write', path, cause);
  }
}

/**
 * Takes a directory and all in it out of sight. Resolves to what puts it back and what removes it for good.
 * @throws FileError
 */
export async function setTreeAside(path: string): Promise<{ putBack(): Promise<void>; discard(): Promise<void> }> {
  try {
    const aside = await moveAside(path);
    return {
      putBack: async () => {
        if (aside !== undefined) await rename(aside, path);
      },
      discard: async () => {
        if (aside !== undefined) await removeTree(aside);
      },
    };
  } catch (cause) {
    throw toFileError('write', path, cause);
  }
}

/** Removes a directory and all in it, or a file; fine when it is gone. @throws FileError */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    throw toFileError('write', path, cause);
  }
}
