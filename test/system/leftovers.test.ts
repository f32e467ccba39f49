import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isLeftover, removeLeftovers } from '../../src/system/leftovers.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';

describe('isLeftover', () => {
  it.each([
    ['.relay.json.0123456789ab.tmp', false, true],
    ['.relay.json.swp', false, false],
    ['.relay.json.0123456789ab.tmp', true, false],
    ['.relay.json.backup', false, false],
    ['.relay.json.aB3xYz', true, true],
    ['.relay.json.aB3xY', true, false],
    ['relay.json', false, false],
    ['.other.json.0123456789ab.tmp', false, false],
  ])('%s of relay.json (a directory: %s): %s', (entry, isDirectory, expected) => {
    expect(isLeftover(entry, 'relay.json', isDirectory)).toBe(expected);
  });
});

describe('removeLeftovers', () => {
  it('removes what is ours, whatever is in it, and nothing else', async () => {
    const top = temporaryDirectory();
    mkdirSync(join(top, 'lib/.1.0.0.aB3xYz/bin'), { recursive: true });
    writeFileSync(join(top, 'lib/.1.0.0.aB3xYz/bin/x'), '');
    for (const name of ['.key.0123456789ab.tmp', 'key', '.key.swp', '.else.0123456789ab.tmp'])
      writeFileSync(join(top, name), '');
    await removeLeftovers([join(top, 'key'), join(top, 'lib/1.0.0'), join(top, 'missing/file')]);
    expect(Object.keys(treeOf(top)).sort()).toEqual(['.else.0123456789ab.tmp', '.key.swp', 'key', 'lib']);
  });
});
