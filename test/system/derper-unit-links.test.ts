import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileError } from '../../src/system/files.ts';
import { makeLink, removeLink } from '../../src/system/unit-files.ts';
import { temporaryDirectory } from '../temporary.ts';

const target = '/etc/systemd/system/derper.service';

describe('links of units', () => {
  it('are made again, with the directory that systemctl removed', async () => {
    const path = join(temporaryDirectory(), 'multi-user.target.wants', 'derper.service');
    await makeLink({ path, target });
    expect(readlinkSync(path)).toBe(target);
    // Whoever enabled it in the meantime made the same link.
    await makeLink({ path, target });
    expect(readlinkSync(path)).toBe(target);
  });

  it('never replace what somebody else put there', async () => {
    const path = join(temporaryDirectory(), 'derper.service');
    writeFileSync(path, 'a unit');
    await expect(makeLink({ path, target })).rejects.toBeInstanceOf(FileError);
    expect(lstatSync(path).isFile()).toBe(true);
  });

  it('are removed only while they lead where they did', async () => {
    const directory = temporaryDirectory();
    const [mask, other, file] = ['mask', 'other', 'file'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    symlinkSync('/dev/null', mask);
    symlinkSync('/opt/derper.service', other);
    writeFileSync(file, 'a unit');
    mkdirSync(join(directory, 'directory'));
    for (const path of [mask, other, file, join(directory, 'directory'), join(directory, 'gone')]) {
      await removeLink({ path, target: '/dev/null' });
    }
    expect([mask, other, file].map(existsSync)).toEqual([false, false, true]);
    expect(lstatSync(other).isSymbolicLink()).toBe(true);
  });
});
