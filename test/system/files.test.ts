import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ensureDirectory,
  FileError,
  kindOf,
  readSnapshot,
  readText,
  readTextIfPresent,
  removeEmptyDirectory,
  removeFile,
  writeFileAtomic,
} from '../../src/system/files.ts';
import { withTemporaryDirectory } from '../../src/system/temporary.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('writeFileAtomic', () => {
  it('writes content and mode, whatever the umask', async () => {
    const path = join(temporaryDirectory(), 'key');
    const umask = process.umask(0o077);
    try {
      await writeFileAtomic(path, 'secret', { mode: 0o600 });
      expect(modeOf(path)).toBe(0o600);
      await writeFileAtomic(path, new Uint8Array([1, 2]), { mode: 0o644 });
      expect(modeOf(path)).toBe(0o644);
      expect([...readFileSync(path)]).toEqual([1, 2]);
    } finally {
      process.umask(umask);
    }
  });

  it('replaces a file without touching the old one, and leaves nothing beside it', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'file');
    writeFileSync(path, 'old');
    const before = statSync(path).ino;
    await writeFileAtomic(path, 'new');
    expect(statSync(path).ino).not.toBe(before);
    expect(Object.keys(treeOf(directory))).toEqual(['file']);
  });

  it('keeps the old content and no temporary file when the rename fails', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'target');
    mkdirSync(join(path, 'full'), { recursive: true });
    const before = treeOf(directory);
    await expect(writeFileAtomic(path, 'new')).rejects.toBeInstanceOf(FileError);
    expect(treeOf(directory)).toEqual(before);
  });

  it('names the path and the reason when the directory is missing', async () => {
    const path = join(temporaryDirectory(), 'no/such/file');
    await expect(writeFileAtomic(path, '')).rejects.toMatchObject({ action: 'write', path, problem: 'missing' });
  });
});

describe('reading', () => {
  it('tells apart the reasons for a failure', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'file');
    writeFileSync(file, 'text');
    await expect(readText(join(directory, 'none'))).rejects.toMatchObject({ problem: 'missing', action: 'read' });
    await expect(readText(directory)).rejects.toMatchObject({ problem: 'is-directory' });
    await expect(readText(join(file, 'below'))).rejects.toMatchObject({ problem: 'not-directory' });
    expect(await readText(file)).toBe('text');
    expect(await readTextIfPresent(join(directory, 'none'))).toBeUndefined();
    await expect(readTextIfPresent(directory)).rejects.toMatchObject({ problem: 'is-directory' });
  });

  it('knows what is there, through links', async () => {
    const directory = temporaryDirectory();
    symlinkSync(directory, join(directory, 'link'));
    symlinkSync('nowhere', join(directory, 'broken'));
    writeFileSync(join(directory, 'file'), '');
    expect(await kindOf(join(directory, 'link'))).toBe('directory');
    expect(await kindOf(join(directory, 'file'))).toBe('file');
    expect(await kindOf(join(directory, 'broken'))).toBe('missing');
    expect(await kindOf(join(directory, 'file/below'))).toBe('missing');
  });

  it('takes content and mode together', async () => {
    const path = join(temporaryDirectory(), 'file');
    expect(await readSnapshot(path)).toBeUndefined();
    writeFileSync(path, 'text', { mode: 0o640 });
    expect(await readSnapshot(path)).toMatchObject({ data: Buffer.from('text'), mode: 0o640 });
  });
});

describe('directories', () => {
  it('says which was the first that had to be made, and gives only the last its mode', async () => {
    const top = temporaryDirectory();
    expect(await ensureDirectory(join(top, 'a/b/c'), 0o700)).toBe(join(top, 'a'));
    expect(modeOf(join(top, 'a/b'))).toBe(0o755);
    expect(modeOf(join(top, 'a/b/c'))).toBe(0o700);
    expect(await ensureDirectory(join(top, 'a/b/c'))).toBeUndefined();
    expect(modeOf(join(top, 'a/b/c'))).toBe(0o700);
  });

  it('gives them these modes whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      const top = temporaryDirectory();
      await ensureDirectory(join(top, 'a/b'), 0o750);
      expect([modeOf(join(top, 'a')), modeOf(join(top, 'a/b'))]).toEqual([0o755, 0o750]);
    } finally {
      process.umask(umask);
    }
  });

  it('refuses to make one where a file is', async () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, '');
    await expect(ensureDirectory(join(path, 'below'))).rejects.toBeInstanceOf(FileError);
  });

  it('removes what is empty or a file, leaves what is not, and minds nothing that is gone', async () => {
    const top = temporaryDirectory();
    mkdirSync(join(top, 'empty'));
    mkdirSync(join(top, 'full'));
    writeFileSync(join(top, 'full/file'), '');
    for (const name of ['empty', 'full', 'gone']) await removeEmptyDirectory(join(top, name));
    expect(Object.keys(treeOf(top))).toEqual(['full', 'full/file']);
    for (const name of ['full/file', 'full/gone']) await removeFile(join(top, name));
    expect(Object.keys(treeOf(top))).toEqual(['full']);
  });

  it('lends a temporary directory, and takes it back even after a failure', async () => {
    let lent = '';
    const failing = withTemporaryDirectory('derp-setup-test-', async (path) => {
      lent = path;
      writeFileSync(join(path, 'file'), '');
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await kindOf(lent)).toBe('missing');
  });
});
