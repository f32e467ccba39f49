/** Whole directories: copied, compared, removed. */
import { createHash } from 'node:crypto';
import { chmod, copyFile, cp, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ensureDirectory, FileError, toFileError } from './files.ts';

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
  await ensureDirectory(dirname(path));
  return mkdtemp(join(dirname(path), `.${basename(path)}.`));
}

/** The way back from a directory that was replaced or taken away, as long as neither of the two was called. */
export interface SetAside {
  /** Puts back what was there. */
  putBack(): Promise<void>;
  /** Removes for good what was kept for that. */
  discard(): Promise<void>;
}

/**
 * Copies `parts` of `from` to the directory `path`, which is there whole afterwards or as it was before. All may read
 * the copy.
 * @throws FileError
 */
export async function installTree(from: string, parts: readonly string[], path: string): Promise<SetAside> {
  let fresh: string | undefined;
  let old: string | undefined;
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
    old = await moveAside(path);
    await rename(fresh, path);
  } catch (cause) {
    if (fresh !== undefined) await rm(fresh, { recursive: true, force: true });
    if (old !== undefined) await rename(old, path);
    throw cause instanceof FileError ? cause : toFileError('write', path, cause);
  }
  const aside = old;
  return {
    putBack: async () => {
      await removeTree(path);
      if (aside !== undefined) await rename(aside, path);
    },
    discard: async () => {
      if (aside !== undefined) await removeTree(aside);
    },
  };
}

/** Renames what is at `path` to a name beside it. */
async function moveAside(path: string): Promise<string | undefined> {
  if ((await stat(path).catch(() => undefined)) === undefined) return undefined;
  const aside = await directoryBeside(path);
  try {
    await rename(path, aside);
  } catch (cause) {
    await rm(aside, { recursive: true, force: true });
    throw cause;
  }
  return aside;
}

/**
 * Copies a program, readable and executable by all, whole or not at all, into a directory that is there.
 * @throws FileError
 */
export async function installProgramFile(from: string, path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await copyFile(from, temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw toFileError('write', path, cause);
  }
}

/** Takes a directory and all in it out of sight. @throws FileError */
export async function setTreeAside(path: string): Promise<SetAside> {
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
    throw cause instanceof FileError ? cause : toFileError('write', path, cause);
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
