import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkVerification, isReachable } from '../../src/setup/verification-check.ts';
import { readPathParts } from '../../src/system/node-runtime.ts';
import { temporaryDirectory } from '../temporary.ts';

describe('isReachable', () => {
  const part = (path: string, mode: number) => ({ path, mode, uid: 0 });
  const root = part('/', 0o755);

  it('takes a file that all may read, below directories that all may search', () => {
    expect(isReachable([part('/etc/keys', 0o644), part('/etc', 0o755), root])).toBe(true);
    expect(isReachable([part('/srv/keys', 0o604), part('/srv', 0o711), root])).toBe(true);
  });

  it.each([
    ['a file for its owner alone', [part('/etc/keys', 0o640), part('/etc', 0o755), root]],
    ['a directory for its owner alone', [part('/etc/d/keys', 0o644), part('/etc/d', 0o750), part('/etc', 0o755), root]],
    ['a home, which the service does not see', [part('/home/keys', 0o644), part('/home', 0o755), root]],
    ['temporary files, which it does not see', [part('/tmp/keys', 0o644), part('/tmp', 0o1777), root]],
    ['nothing', []],
  ])('does not take %s', (_, parts) => {
    expect(isReachable(parts)).toBe(false);
  });

  it('goes by what is found on the disk, the file first', async () => {
    const folder = join(temporaryDirectory(), 'list');
    mkdirSync(folder);
    const file = join(folder, 'keys');
    writeFileSync(file, '');
    const parts = await readPathParts(file);
    expect(parts.slice(0, 2).map(({ path }) => path)).toEqual([file, folder]);
    expect(parts.at(-1)!.path).toBe('/');
  });
});

describe('checkVerification', () => {
  it('says so when the service could not read the list of keys', async () => {
    const folder = temporaryDirectory();
    const file = join(folder, 'keys');
    writeFileSync(file, `nodekey:${'12'.repeat(32)}\n`);
    chmodSync(file, 0o600);
    const verify = { kind: 'keys', file } as const;
    expect(await checkVerification(verify, { asService: false })).toEqual([]);
    expect(await checkVerification(verify, { asService: true })).toMatchObject([
      { rule: { code: 'unreachable-by-relay' } },
    ]);
  });
});
