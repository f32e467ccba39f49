import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layoutBelow } from '../../src/deploy/layout.ts';
import { outdatedPrograms, outdatedVersions } from '../../src/setup/outdated.ts';
import { temporaryDirectory } from '../temporary.ts';

describe('outdatedVersions', () => {
  it.each([
    ['nothing installed', [], '1.2.0', undefined, []],
    ['the first upgrade', ['1.1.0'], '1.2.0', '1.1.0', []],
    ['a later one', ['1.0.0', '1.1.0'], '1.2.0', '1.1.0', ['1.0.0']],
    ['the one in use was not the newest', ['1.0.0', '1.1.0'], '1.2.0', '1.0.0', ['1.1.0']],
    ['the same version again', ['1.0.0', '1.1.0', '1.2.0'], '1.2.0', '1.2.0', ['1.0.0']],
    ['numbers, not letters', ['1.9.0', '1.10.0', '1.2.0'], '1.11.0', undefined, ['1.2.0', '1.9.0']],
    ['a pre-release', ['1.2.0-beta.1', '1.2.0'], '1.3.0', undefined, ['1.2.0-beta.1']],
    ['the one in use is gone', ['1.0.0', '1.1.0'], '1.2.0', '0.9.0', ['1.0.0']],
    ['names that are no versions', ['current', 'node', 'notes', '1.0', '.1.0.0.aB3xYz', '1.1.0'], '1.2.0', '1.1.0', []],
  ] as const)('%s', (_, names, wanted, used, gone) => {
    expect(outdatedVersions(names, wanted, used)).toEqual(gone);
  });
});

describe('outdatedPrograms', () => {
  it('looks at the programs, at what is in use, and at the copies of Node', async () => {
    const layout = layoutBelow(temporaryDirectory());
    const at = (name: string) => join(layout.programsDirectory, name);
    expect(await outdatedPrograms(layout, { version: '1.2.0', nodeVersion: '24.0.0' })).toEqual([]);
    for (const name of ['0.9.0', '1.0.0', '1.1.0', 'node/20.1.0', 'node/22.1.0', 'node/24.0.0'])
      mkdirSync(at(name), { recursive: true });
    symlinkSync('1.0.0', layout.currentPrograms);
    const gone = await outdatedPrograms(layout, { version: '1.2.0', nodeVersion: '24.0.0' });
    expect(gone).toEqual([at('0.9.0'), at('1.1.0'), at('node/20.1.0')]);
  });

  it('minds no file where a directory or a link should be', async () => {
    const layout = layoutBelow(temporaryDirectory());
    mkdirSync(layout.programsDirectory, { recursive: true });
    for (const path of [layout.currentPrograms, join(layout.programsDirectory, 'node')]) writeFileSync(path, '');
    expect(await outdatedPrograms(layout, { version: '1.2.0', nodeVersion: '24.0.0' })).toEqual([]);
  });
});
