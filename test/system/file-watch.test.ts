import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileWatch, type WatchTimes } from '../../src/system/file-watch.ts';
import { temporaryDirectory } from '../temporary.ts';

let directory: string;
let a: string;
let b: string;
const watches: FileWatch[] = [];

beforeEach(() => {
  directory = join(temporaryDirectory(), 'certs');
  mkdirSync(directory);
  [a, b] = [join(directory, 'a'), join(directory, 'b')];
  writeFileSync(a, '1');
  writeFileSync(b, '1');
});
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});

/** Never by looking: what these tests see, the system told. */
const BY_NOTICE: WatchTimes = { settle: 20, settleAtMost: 500, poll: 3_600_000 };
/** By looking only: nothing settles before the next look. */
const BY_LOOKING: WatchTimes = { settle: 3_600_000, settleAtMost: 3_600_000, poll: 20 };

function watching(times: WatchTimes, paths = [a, b]) {
  const watch = new FileWatch(paths, times);
  watches.push(watch);
  const changed = vi.fn();
  return { watch, changed, start: () => watch.start(changed) };
}

const calls = (changed: ReturnType<typeof vi.fn>) => expect.poll(() => changed.mock.calls.length, { timeout: 10_000 });

describe.each([
  ['told by the system', BY_NOTICE],
  ['found by looking', BY_LOOKING],
])('a change %s', (_, times) => {
  it.each<[string, () => void]>([
    ['another file in its place', () => [writeFileSync(`${a}.new`, '1'), renameSync(`${a}.new`, a)]],
    ['more in it', () => appendFileSync(b, '2')],
    ['it gone', () => rmSync(a)],
    ['other permissions', () => chmodSync(a, 0o600)],
    [
      'another directory in the place of its own',
      () => {
        mkdirSync(`${directory}.new`);
        writeFileSync(join(`${directory}.new`, 'a'), '2');
        renameSync(directory, `${directory}.old`);
        renameSync(`${directory}.new`, directory);
      },
    ],
  ])('is %s', async (what, change) => {
    // Nothing tells of a directory that is moved away as a whole.
    if (times === BY_NOTICE && what.startsWith('another directory')) times = BY_LOOKING;
    const { changed, start } = watching(times);
    start();
    await delay(60);
    expect(changed).not.toHaveBeenCalled();
    change();
    await calls(changed).toBe(1);
  });

  it('is not what happens to the file next to it', async () => {
    const { changed, start } = watching(times);
    start();
    writeFileSync(join(directory, 'c'), '1');
    await delay(100);
    expect(changed).not.toHaveBeenCalled();
    appendFileSync(a, '2');
    await calls(changed).toBe(1);
  });
});

describe('a watch', () => {
  it('counts both files of a pair as one change when they come one after the other', async () => {
    const { changed, start } = watching({ ...BY_NOTICE, settle: 1000, settleAtMost: 10_000 });
    start();
    appendFileSync(a, '2');
    await delay(30);
    appendFileSync(b, '2');
    await calls(changed).toBe(1);
    await delay(1200);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('does not wait for ever in a directory that is never at rest', async () => {
    const { changed, start } = watching({ ...BY_NOTICE, settle: 200, settleAtMost: 600 });
    start();
    const busy = setInterval(() => appendFileSync(join(directory, 'log'), 'x'), 10);
    try {
      appendFileSync(a, '2');
      await calls(changed).toBe(1);
    } finally {
      clearInterval(busy);
    }
  });

  it('tells of what happened between its making and its start', async () => {
    const { changed, start } = watching(BY_NOTICE);
    appendFileSync(a, '2');
    start();
    await calls(changed).toBe(1);
  });

  it('follows links, by looking', async () => {
    const link = join(directory, 'link');
    symlinkSync(a, link);
    const { changed, start } = watching(BY_LOOKING, [link]);
    start();
    appendFileSync(a, '2');
    await calls(changed).toBe(1);
  });

  it('waits for files and directories that are not there yet', async () => {
    const later = join(directory, 'later');
    const { changed, start } = watching({ ...BY_NOTICE, poll: 20 }, [join(later, 'a')]);
    start();
    await delay(60);
    mkdirSync(later);
    writeFileSync(join(later, 'a'), '1');
    await calls(changed).toBe(1);
  });

  it('says nothing once it is closed', async () => {
    const { watch, changed, start } = watching({ settle: 20, settleAtMost: 20, poll: 20 });
    start();
    appendFileSync(a, '2');
    watch.close();
    await delay(150);
    expect(changed).not.toHaveBeenCalled();
  });
});
