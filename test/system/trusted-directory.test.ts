import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openTrustedDirectory } from '../../src/system/trusted-directory.ts';
import { temporaryDirectory } from '../temporary.ts';

let place: string;
let path: string;
beforeEach(() => {
  place = temporaryDirectory();
  path = join(place, 'acme');
  mkdirSync(path, { mode: 0o750 });
  writeFileSync(join(path, 'account.key'), 'ours');
});

describe('a directory below somebody else’s', () => {
  it.runIf(process.platform === 'linux')('stays the one that was looked at, whatever is put in its place', async () => {
    const directory = await openTrustedDirectory(path);
    try {
      renameSync(path, join(place, 'moved'));
      mkdirSync(path);
      writeFileSync(join(path, 'account.key'), 'theirs');
      expect(await readFile(join(directory.path, 'account.key'), 'utf8')).toBe('ours');
    } finally {
      await directory.close();
    }
  });

  it('is refused when it is a link, or others can write to it, or it is none', async () => {
    const link = join(place, 'link');
    symlinkSync(path, link);
    await expect(openTrustedDirectory(link)).rejects.toMatchObject({ name: 'FileError' });
    chmodSync(path, 0o777);
    await expect(openTrustedDirectory(path)).rejects.toThrow(/others can write to it/);
    await expect(openTrustedDirectory(join(place, 'none'))).rejects.toMatchObject({ problem: 'missing' });
    await expect(openTrustedDirectory(join(path, 'account.key'))).rejects.toMatchObject({ problem: 'not-directory' });
  });

  it.runIf(process.getuid?.() === 0)('is refused when it is another user’s', async () => {
    const { chownSync } = await import('node:fs');
    chownSync(path, 65534, 65534);
    await expect(openTrustedDirectory(path)).rejects.toThrow(/belongs to user 65534/);
  });
});
