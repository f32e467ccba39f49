import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CommandError, findProgram, firstUsefulLine, mustRun, run } from '../../src/system/processes.ts';
import { temporaryDirectory } from '../temporary.ts';

const node = (code: string) => ['-e', code];

async function failureOf(work: Promise<unknown>): Promise<CommandError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

/** Whether a process still runs; one that only waits to be reaped does not. */
function runs(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('run', () => {
  it('gives exit code and output of a program that failed, and throws nothing', async () => {
    const code = `console.log('out'); console.error('err'); process.exitCode = 3;`;
    expect(await run(process.execPath, node(code))).toEqual({ code: 3, stdout: 'out', stderr: 'err' });
  });

  it('hands arguments on as they are: no shell reads them', async () => {
    const args = ['$HOME', '; exit 1', 'a  b', '*', '`id`'];
    const { stdout } = await run(process.execPath, [
      ...node('console.log(JSON.stringify(process.argv.slice(1)))'),
      ...args,
    ]);
    expect(JSON.parse(stdout)).toEqual(args);
  });

  it('has programs speak plain C, and find the administration programs', async () => {
    vi.stubEnv('LC_ALL', 'de_DE.UTF-8');
    vi.stubEnv('PATH', '/usr/bin');
    const { stdout } = await run(process.execPath, node('console.log(JSON.stringify(process.env))'), {
      env: { LC_ALL: 'fr_FR', EXTRA: 'x' },
    });
    expect(JSON.parse(stdout)).toMatchObject({
      LC_ALL: 'C',
      EXTRA: 'x',
      PATH: '/usr/bin:/usr/local/sbin:/usr/sbin:/sbin',
    });
  });

  it('feeds standard input, and leaves it empty otherwise', async () => {
    const echo = node('process.stdin.pipe(process.stdout)');
    expect((await run(process.execPath, echo, { input: 'zwölf' })).stdout).toBe('zwölf');
    expect((await run(process.execPath, echo)).stdout).toBe('');
  });

  it('says which signal ended a program as shells do', async () => {
    expect((await run(process.execPath, node(`process.kill(process.pid, 'SIGKILL')`))).code).toBe(137);
  });

  it('does not find what is not there or may not be run', async () => {
    const missing = await failureOf(run('no-such-program-here', ['a']));
    expect(missing).toMatchObject({
      reason: 'not-found',
      command: 'no-such-program-here',
      args: ['a'],
      code: undefined,
    });
    const plain = join(temporaryDirectory(), 'plain');
    writeFileSync(plain, 'text');
    expect((await failureOf(run(plain, []))).reason).toBe('not-found');
  });

  it('ends a program that takes too long, and what it has started', async () => {
    const pidFile = join(temporaryDirectory(), 'pid');
    // The inner program holds the pipe open and would keep a plain timeout waiting for a minute.
    const code = `const c = require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'inherit' });
      require('fs').writeFileSync(process.argv[1], String(c.pid)); setTimeout(() => {}, 60_000);`;
    const began = Date.now();
    const error = await failureOf(run(process.execPath, [...node(code), pidFile], { timeoutMs: 1_500 }));
    expect(error.reason).toBe('timed-out');
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(existsSync(pidFile)).toBe(true);
    await delay(200);
    expect(runs(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  it('ends a program that does not listen to a polite signal', async () => {
    const code = `process.on('SIGTERM', () => {}); process.stderr.write('stubborn'); setTimeout(() => {}, 60_000);`;
    const began = Date.now();
    const error = await failureOf(run(process.execPath, node(code), { timeoutMs: 1_000 }));
    expect(error).toMatchObject({ reason: 'timed-out', stderr: 'stubborn', message: 'stubborn' });
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  it('ends a program when it is interrupted, before or while it runs', async () => {
    const controller = new AbortController();
    const running = failureOf(
      run(process.execPath, node('setTimeout(() => {}, 60_000)'), { signal: controller.signal }),
    );
    await delay(300);
    controller.abort();
    expect((await running).reason).toBe('aborted');
    expect((await failureOf(run(process.execPath, ['-v'], { signal: controller.signal }))).reason).toBe('aborted');
  });
});

describe('mustRun', () => {
  it('gives the result of a program that succeeded', async () => {
    expect((await mustRun(process.execPath, ['-v'])).stdout).toBe(process.version);
  });

  it('throws what the program said', async () => {
    const code = `console.error('\\nWarning: ignored\\n  Unit x.service not found.  \\nmore'); process.exitCode = 5;`;
    const error = await failureOf(mustRun(process.execPath, node(code)));
    expect(error).toMatchObject({ reason: 'failed', code: 5, message: 'Unit x.service not found.' });
    expect(error.stderr).toContain('more');
  });

  it('falls back to standard output, then to the exit code', async () => {
    expect((await failureOf(mustRun(process.execPath, node(`console.log('no'); process.exitCode = 1`)))).message).toBe(
      'no',
    );
    const silent = await failureOf(mustRun(process.execPath, node('process.exitCode = 7')));
    expect(silent.message).toBe(`${process.execPath} ended with exit code 7`);
  });
});

describe('firstUsefulLine', () => {
  it.each([
    ['', undefined],
    [' \n\n', undefined],
    ['# Warning: iptables-legacy tables present\nreal', 'real'],
    ['WARNING: only this', 'WARNING: only this'],
    ['warnings are fine', 'warnings are fine'],
  ])('of %j is %j', (text, line) => {
    expect(firstUsefulLine(text)).toBe(line);
  });
});

describe('findProgram', () => {
  it('finds what can be run, in the order of PATH', async () => {
    const [first, second] = [temporaryDirectory(), temporaryDirectory()];
    mkdirSync(join(first, 'tool'));
    writeFileSync(join(first, 'other'), '');
    writeFileSync(join(second, 'tool'), '');
    chmodSync(join(second, 'tool'), 0o755);
    vi.stubEnv('PATH', `${first}:${second}`);
    expect(await findProgram('tool')).toBe(join(second, 'tool'));
    expect(await findProgram('other')).toBeUndefined();
    expect(await findProgram('no-such-program-here')).toBeUndefined();
  });
});
