import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DirectoryGlance } from '../../src/system/directory-glance.ts';
import { temporaryDirectory } from '../temporary.ts';

let directory: string;
let glance: DirectoryGlance;
beforeEach(() => {
  directory = join(temporaryDirectory(), 'alpn');
  glance = new DirectoryGlance(directory, '.pem');
});

describe('a glance at a directory', () => {
  it('sees nothing where there is none, or what is there is no directory', () => {
    expect(glance.occupied).toBe(false);
    writeFileSync(directory, '');
    expect(glance.occupied).toBe(false);
  });

  it('sees files of its kind come and go at once, however fast', () => {
    mkdirSync(directory);
    const file = join(directory, 'derp.example.pem');
    for (let i = 0; i < 200; i++) {
      expect(glance.occupied).toBe(false);
      // As an atomic write does it: the name it begins with is not of the kind.
      writeFileSync(join(directory, '.temporary.tmp'), '');
      expect(glance.occupied).toBe(false);
      renameSync(join(directory, '.temporary.tmp'), file);
      expect(glance.occupied).toBe(true);
      rmSync(file);
    }
  });

  it('sees them in a directory that has been still for long, and when that is replaced', () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'other'), '');
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(directory, longAgo, longAgo);
    expect(glance.occupied).toBe(false);
    expect(glance.occupied).toBe(false);
    writeFileSync(join(directory, 'a.pem'), '');
    expect(glance.occupied).toBe(true);
    utimesSync(directory, longAgo, longAgo);
    expect(glance.occupied).toBe(true);

    const other = `${directory}.new`;
    mkdirSync(other);
    utimesSync(other, longAgo, longAgo);
    rmSync(directory, { recursive: true });
    expect(glance.occupied).toBe(false);
    renameSync(other, directory);
    expect(glance.occupied).toBe(false);
  });
});
