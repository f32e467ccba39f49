import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeRuntime, judgeRuntime, type PathPart, readPathParts } from '../../src/system/node-runtime.ts';
import { temporaryDirectory } from '../temporary.ts';

/** The way to a file in which everything is root's and open to all. */
function openWay(path: string): PathPart[] {
  const above = path === dirname(path) ? [] : openWay(dirname(path));
  return [{ path, uid: 0, mode: 0o755 }, ...above];
}

describe('judgeRuntime', () => {
  it.each([
    '/usr/bin/node',
    '/usr/local/lib/nodejs/bin/node',
    '/opt/node/bin/node',
    '/homestead/node',
    '/tmpfiles/node',
  ])('finds nothing wrong with %s', (path) => {
    expect(judgeRuntime(path, openWay(path))).toBeUndefined();
  });

  it.each([
    ['/root/.nvm/versions/node/v22.12.0/bin/node', 'home'],
    ['/home/ann/.volta/bin/node', 'home'],
    ['/run/user/1000/node', 'home'],
    ['/tmp/node', 'temporary'],
    ['/var/tmp/x/node', 'temporary'],
    ['/root/.npm/_npx/abc/node_modules/node/bin/node', 'npx-cache'],
    ['/var/cache/npm/_npx/abc/node_modules/node/bin/node', 'npx-cache'],
  ])('%s is out of reach: %s', (path, why) => {
    expect(judgeRuntime(path, openWay(path))).toBe(why);
  });

  it.each([
    ['a directory that others may not enter', '/opt/node', { mode: 0o750 }],
    ['a file that others may not run', '/opt/node/bin/node', { mode: 0o754 }],
    ['a file that others may not read', '/opt/node/bin/node', { mode: 0o711 }],
    ["a directory that is another user's", '/opt/node', { uid: 1000 }],
    ["a file that is another user's", '/opt/node/bin/node', { uid: 1000 }],
    ['a directory that everybody may write to', '/opt', { mode: 0o777 }],
    ['a file that everybody may write to', '/opt/node/bin/node', { mode: 0o757 }],
  ])('%s is refused', (_what, changed, change) => {
    const path = '/opt/node/bin/node';
    const parts = openWay(path).map((part) => (part.path === changed ? { ...part, ...change } : part));
    expect(judgeRuntime(path, parts)).toBe('permissions');
  });

  it('needs no more of a directory than that it can be passed', () => {
    const path = '/opt/node/bin/node';
    const parts = openWay(path).map((part) => (part.path === path ? part : { ...part, mode: 0o711 }));
    expect(judgeRuntime(path, parts)).toBeUndefined();
  });

  it('does not pass what nobody has looked at', () => {
    expect(judgeRuntime('/opt/node', [])).toBe('permissions');
  });
});

describe('readPathParts', () => {
  it('looks at the file and every directory above it', async () => {
    const folder = realpathSync(temporaryDirectory());
    const file = join(folder, 'a', 'node');
    mkdirSync(join(folder, 'a'));
    writeFileSync(file, '');
    chmodSync(file, 0o640);
    chmodSync(join(folder, 'a'), 0o710);
    const parts = await readPathParts(file);
    expect(parts.map(({ path }) => path)).toEqual(openWay(file).map(({ path }) => path));
    expect(parts.slice(0, 2).map(({ mode }) => mode)).toEqual([0o640, 0o710]);
    expect(parts[0]!.uid).toBe(process.getuid!());
    expect(parts.at(-1)!.path).toBe('/');
  });
});

describe('describeRuntime', () => {
  it('describes the Node that runs this', async () => {
    const runtime = await describeRuntime();
    expect(runtime).toMatchObject({ version: process.versions.node, path: realpathSync(process.execPath) });
    expect(runtime.reachable).toBe(runtime.why === undefined);
  });
});
