import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { setEntryMode, setEntryOwner } from '../../src/system/file-access.ts';
import { temporaryDirectory } from '../temporary.ts';

let path: string;
let victim: string;

beforeEach(() => {
  const directory = temporaryDirectory();
  path = join(directory, 'derper.key');
  victim = join(directory, 'victim');
  writeFileSync(victim, '');
  chmodSync(victim, 0o640);
});

const modeOf = (file: string) => statSync(file).mode & 0o777;
const ids = { uid: process.getuid!(), gid: process.getgid!() };

describe('mode and owner', () => {
  it('of a plain file and of a directory are set', async () => {
    writeFileSync(path, '');
    await setEntryMode(path, 0o600);
    await setEntryOwner(path, ids);
    mkdirSync(`${path}.d`);
    await setEntryMode(`${path}.d`, 0o700);
    expect([modeOf(path), modeOf(`${path}.d`)]).toEqual([0o600, 0o700]);
  });

  it.each<[string, () => void]>([
    ['a link', () => symlinkSync(victim, path)],
    ['a second name', () => linkSync(victim, path)],
    ['a pipe', () => execFileSync('mkfifo', [path])],
  ])('of what %s leads to are not', async (_, make) => {
    make();
    const refusal = { name: 'FileError', message: expect.stringContaining('it is a link') };
    await expect(setEntryMode(path, 0o666)).rejects.toMatchObject(refusal);
    await expect(setEntryOwner(path, ids)).rejects.toMatchObject(refusal);
    expect(modeOf(victim)).toBe(0o640);
  });

  it('of nothing are an error', async () => {
    await expect(setEntryMode(path, 0o600)).rejects.toMatchObject({ name: 'FileError', problem: 'missing' });
  });
});
