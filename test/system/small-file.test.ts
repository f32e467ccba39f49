import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '../../src/system/files.ts';
import { readSmallFile } from '../../src/system/small-file.ts';
import { temporaryDirectory } from '../temporary.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

describe('a small file', () => {
  it('is read whole, up to the limit', async () => {
    const path = join(directory, 'a');
    writeFileSync(path, '');
    expect(await readSmallFile(path, 10)).toEqual(Buffer.alloc(0));
    writeFileSync(path, '0123456789');
    expect((await readSmallFile(path, 10))?.toString()).toBe('0123456789');
    writeFileSync(path, '0123456789x');
    await expect(readSmallFile(path, 10)).rejects.toThrow(/longer than 10 bytes/);
  });

  it('is undefined when there is none', async () => {
    expect(await readSmallFile(join(directory, 'a'), 10)).toBeUndefined();
    expect(await readSmallFile(join(directory, 'a/b'), 10)).toBeUndefined();
  });

  it('is no link, directory or pipe, which are not waited for', async () => {
    writeFileSync(join(directory, 'secret'), 'secret');
    symlinkSync('secret', join(directory, 'link'));
    mkdirSync(join(directory, 'folder'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    for (const name of ['link', 'folder', 'pipe']) {
      const read = readSmallFile(join(directory, name), 10);
      await expect(read).rejects.toBeInstanceOf(FileError);
      await expect(read).rejects.toThrow('not a plain file');
    }
  });
});
