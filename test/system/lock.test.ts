import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  acquireLock,
  LockedError,
  type LockOwner,
  lockHolder,
  parseLockOwner,
  parseProcessStat,
} from '../../src/system/lock.ts';
import { temporaryDirectory } from '../temporary.ts';

/**
 * A program that takes the lock named by its argument, says so, works for a moment, and does it again. With a dead
 * owner's file as its last argument it leaves that in place of its own instead of releasing the lock.
 */
const PROGRAM = `
import { appendFileSync, copyFileSync, renameSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { acquireLock, LockedError } from './lock.mjs';
const [path, times, record, dead] = process.argv.slice(2);
for (let done = 0; done < Number(times); ) {
  try {
    const lock = await acquireLock(path);
    if (record) appendFileSync(record, 'in ' + process.pid + '\\n');
    console.log('held');
    if (!record) await delay(60_000);
    await delay(Math.random() * 4);
    if (record) appendFileSync(record, 'out ' + process.pid + '\\n');
    if (dead) {
      copyFileSync(dead, path + process.pid);
      renameSync(path + process.pid, path);
    } else {
      await lock.release();
    }
    done++;
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    await delay(Math.random() * 4);
  }
}
`;

let programs = '';
beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'derp-setup-lock-'));
  const entry = fileURLToPath(new URL('../../src/system/lock.ts', import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: join(programs, 'lock.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  writeFileSync(join(programs, 'holder.mjs'), PROGRAM);
});
afterAll(() => rmSync(programs, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(programs, 'holder.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

async function holder(path: string): Promise<ChildProcess> {
  const child = start(path, '1');
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  expect(line).toBe('held');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function lockedBy(path: string): Promise<LockedError> {
  const error = await acquireLock(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LockedError);
  return error as LockedError;
}

/** How often somebody came and went, by what they have written down; nobody may come while another is inside. */
function visitsOf(record: string, victims: readonly (number | undefined)[]): number {
  let inside: string | undefined;
  let visits = 0;
  for (const line of readFileSync(record, 'utf8').trim().split('\n')) {
    const [what, pid] = line.split(' ') as [string, string];
    if (what === 'in') {
      // Those who were killed could not say that they are out.
      if (inside !== undefined) expect(victims).toContain(Number(inside));
      inside = pid;
    } else {
      expect(inside).toBe(pid);
      inside = undefined;
      visits++;
    }
  }
  return visits;
}

const readOwner = (path: string) => parseLockOwner(readFileSync(path, 'utf8')) as LockOwner;

describe('acquireLock', () => {
  it('makes the directory, holds until it is released, and leaves nothing behind', async () => {
    const path = join(temporaryDirectory(), 'a/b/run.lock');
    const lock = await acquireLock(path);
    expect((await lockedBy(path)).pid).toBe(process.pid);
    await lock.release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
    await (await acquireLock(path)).release();
  });

  it('does not release what somebody else has taken since', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    const first = await acquireLock(path);
    await first.release();
    const second = await acquireLock(path);
    await first.release();
    expect((await lockedBy(path)).pid).toBe(process.pid);
    await second.release();
    expect(existsSync(path)).toBe(false);
  });

  it('tells which process holds it, and since when', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    const began = Date.now();
    const child = await holder(path);
    const error = await lockedBy(path);
    expect(error).toMatchObject({ pid: child.pid, path });
    expect(error.since.getTime()).toBeGreaterThanOrEqual(began - 1);
    expect(error.since.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('takes over from a process that was killed', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    await kill(await holder(path));
    expect(existsSync(path)).toBe(true);
    const lock = await acquireLock(path);
    expect((await lockedBy(path)).pid).toBe(process.pid);
    await lock.release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('takes over from a killed process that nobody has reaped yet', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    // This shell becomes a program that never waits for its children.
    const command = `"$0" "$1" "$2" 1 & exec "$0" -e 'setTimeout(() => {}, 60_000)'`;
    const args = ['-c', command, process.execPath, join(programs, 'holder.mjs'), path];
    const parent = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(parent);
    await once(createInterface({ input: parent.stdout! }), 'line');
    const { pid } = await lockedBy(path);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
    await (await acquireLock(path)).release();
  });

  it.runIf(process.platform === 'linux')('knows that another process got the number of the dead owner', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    const child = await holder(path);
    const owner = readOwner(path);
    expect(owner.startTime).toMatch(/^\d+$/);
    writeFileSync(path, JSON.stringify({ ...owner, startTime: String(Number(owner.startTime) - 1) }));
    await (await acquireLock(path)).release();
    writeFileSync(path, JSON.stringify({ ...owner, boot: 'an earlier one' }));
    await (await acquireLock(path)).release();
    writeFileSync(path, JSON.stringify(owner));
    expect((await lockedBy(path)).pid).toBe(child.pid);
  });

  it.each(['', 'garbage', '{"pid": 1}', 'null'])('takes over a damaged file: %j', async (text) => {
    const path = join(temporaryDirectory(), 'run.lock');
    writeFileSync(path, text);
    await (await acquireLock(path)).release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it('takes over even when the one who was taking over has died too', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    await kill(await holder(path));
    writeFileSync(`${path}.takeover`, readFileSync(path));
    await (await acquireLock(path)).release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it('waits for a takeover that is under way', async () => {
    const path = join(temporaryDirectory(), 'run.lock');
    await kill(await holder(path));
    const taker = await holder(`${path}.takeover`);
    const waiting = acquireLock(path);
    await expect(Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 500, 'waits'))])).resolves.toBe(
      'waits',
    );
    await kill(taker);
    await (await waiting).release();
  });

  it('lets only one in at a time, however many come, and however often one is killed', async () => {
    const folder = temporaryDirectory();
    const [path, record] = [join(folder, 'run.lock'), join(folder, 'record')];
    const takers = Array.from({ length: 5 }, () => start(path, '40', record));
    const ends = takers.map((child) => once(child, 'exit'));
    // Two of them die with the lock in their hands; the rest must take over from them.
    const victims: (number | undefined)[] = [];
    while (victims.length < 2) {
      const text = await readFile(path, 'utf8').catch(() => '');
      const owner = parseLockOwner(text);
      const victim = takers.find(({ pid }) => pid === owner?.pid && !victims.includes(pid));
      if (victim?.kill('SIGKILL')) victims.push(victim.pid);
      await delay(1);
    }
    await Promise.all(ends);
    expect(takers.filter(({ exitCode }) => exitCode === 0)).toHaveLength(3);

    expect(visitsOf(record, victims)).toBeGreaterThanOrEqual(3 * 40);
    expect(existsSync(path)).toBe(false);
  });

  it('lets only one in at a time when every owner dies and many want to take over', async () => {
    const folder = temporaryDirectory();
    const [path, record, dead] = [join(folder, 'run.lock'), join(folder, 'record'), join(folder, 'dead')];
    await kill(await holder(path));
    writeFileSync(dead, readFileSync(path));
    const takers = Array.from({ length: 4 }, () => start(path, '50', record, dead));
    await Promise.all(takers.map((child) => once(child, 'exit')));
    expect(takers.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(visitsOf(record, [])).toBe(4 * 50);
  });
});

describe('parseProcessStat', () => {
  const rest = 'S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 7 8 9';

  it('finds the fields behind any name', () => {
    expect(parseProcessStat(`42 (node) ${rest}`)).toEqual({ state: 'S', startTime: '123456' });
    expect(parseProcessStat(`42 (a ) Z 1 (b) ${rest}`)).toEqual({ state: 'S', startTime: '123456' });
  });

  it.each(['', 'nonsense', '42 (cut) S 1'])('takes nothing from %j', (text) => {
    expect(parseProcessStat(text)).toBeUndefined();
  });
});

describe('who holds the lock', () => {
  it('is known while it is held, and nobody when it is free, garbled or a dead process has left it', async () => {
    const path = join(temporaryDirectory(), 'lock');
    expect(await lockHolder(path)).toBeUndefined();
    const lock = await acquireLock(path);
    expect(await lockHolder(path)).toMatchObject({ pid: process.pid });
    const owner = JSON.parse(readFileSync(path, 'utf8')) as LockOwner;
    await lock.release();
    expect(await lockHolder(path)).toBeUndefined();
    writeFileSync(path, JSON.stringify({ ...owner, startTime: '1' }));
    expect(await lockHolder(path)).toBeUndefined();
    writeFileSync(path, 'garbled');
    expect(await lockHolder(path)).toBeUndefined();
  });
});
