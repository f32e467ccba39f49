import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { REPORT_BEGINNING } from '../../../src/setup/doctor/report.ts';
import { temporaryDirectory } from '../../temporary.ts';
import { freePorts, run } from '../run.ts';

/** One for all tests: the doctor changes nothing. */
const shared = mkdtempSync(join(tmpdir(), 'derp-setup-doctor-'));
const root = join(shared, 'root');
let home: string;

const doctor = (...args: string[]) => run('derp-setup', ['doctor', ...args, '--root', root], { home });

/** A relay in the foreground that has ended: the smallest thing that a doctor can be called to. */
beforeAll(async () => {
  home = shared;
  const { tcp, udp } = await freePorts();
  const where = ['--host', '127.0.0.1', '--derp-port', String(tcp), '--stun-port', String(udp)];
  const { code } = await run('derp-setup', ['--deploy', 'foreground', '--once', ...where, '--root', root], { home });
  expect(code).toBe(0);
});
afterAll(() => rmSync(shared, { recursive: true }));
beforeEach(() => {
  home = temporaryDirectory();
});

describe('the answer', () => {
  it('is on stdout, the sum of it on stderr, and exit code 1 says that something failed', async () => {
    const { code, stdout, stderr } = await doctor();
    expect(code).toBe(1);
    expect(stdout).toContain('  ✖ the relay does not run: it served in the foreground, and was ended\n      → ');
    expect(stdout).toMatch(/^ {2}✔ /);
    expect(stderr).toMatch(/^1 thing to mend/);
    expect(stderr).toContain('--report');
  });

  it('is what is not well with --quiet, without the sum', async () => {
    const { stdout, stderr } = await doctor('--quiet');
    expect(stdout).toContain('✖ the relay does not run');
    expect(stdout).not.toContain('✔');
    expect(stderr).toBe('');
  });

  it('is in Chinese with --lang zh', async () => {
    const { stdout, stderr } = await doctor('--lang', 'zh');
    expect(stdout).toContain('✖ 中继没有运行');
    expect(stderr).toContain(zh.doctor.toMend(1, 0).slice(0, 8));
  });

  it('is one document with --json, with the same findings in the order of the checks', async () => {
    const { code, stdout } = await doctor('--json', '--quiet');
    expect(code).toBe(1);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ ok: false, host: '127.0.0.1', fixed: [] });
    expect(document.findings.length).toBeGreaterThan(2);
    for (const { check, id, level, message } of document.findings) {
      expect({ check: typeof check, id: typeof id, message: typeof message }).toEqual({
        ...{ check: 'string', id: 'string', message: 'string' },
      });
      expect(['ok', 'warning', 'failed']).toContain(level);
    }
    expect(document.findings[0].check).toBe('files');
    expect(document).not.toHaveProperty('report');
    expect(stdout).not.toMatch(/privkey:[0-9a-f]/);
  });

  it('changes nothing', async () => {
    const look = () =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => {
          const path = join(entry.parentPath, entry.name);
          return [path, statSync(path).mtimeMs, readFileSync(path, 'utf8')];
        });
    const before = look();
    await doctor();
    expect(look()).toEqual(before);
  });
});

describe('a report', () => {
  it('is for its owner alone, without the secrets of the files that it is about', async () => {
    const layout = layoutBelow(root);
    const original = readFileSync(layout.config, 'utf8');
    const config = JSON.parse(original);
    config.answers.home = 'https://me:hunter2@198.51.100.23/?token=sesame';
    writeFileSync(layout.config, JSON.stringify(config));
    const path = join(home, 'trouble.txt');
    const { code, stderr } = await doctor('--report', path);
    writeFileSync(layout.config, original);
    expect(code).toBe(1);
    expect(stderr).toContain(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, 'utf8');
    expect(text.startsWith(`${REPORT_BEGINNING}\n`)).toBe(true);
    expect(text).toContain('"foreground-ended"');
    const key = /privkey:(\w+)/.exec(readFileSync(layout.relayKey, 'utf8'))![1]!;
    for (const secret of [key.slice(0, 20), 'hunter2', 'sesame', '100.23']) expect(text).not.toContain(secret);
    expect(readdirSync(home).filter((name) => name.includes('trouble'))).toEqual(['trouble.txt']);
  });

  it('takes the place of an earlier one, whoever could read that', async () => {
    const path = join(home, 'trouble.txt');
    writeFileSync(path, `${REPORT_BEGINNING}\nold`);
    chmodSync(path, 0o644);
    await doctor('--report', path);
    expect(readFileSync(path, 'utf8')).not.toContain('old');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each<[string, (path: string) => void]>([
    ['a file of somebody’s', (path) => writeFileSync(path, 'mine')],
    ['an empty file', (path) => writeFileSync(path, '')],
    [
      'a link to a file',
      (path) => {
        writeFileSync(`${path}.victim`, 'mine');
        symlinkSync(`${path}.victim`, path);
      },
    ],
    [
      'a link to an earlier report',
      (path) => {
        writeFileSync(`${path}.victim`, `${REPORT_BEGINNING}\nmine`);
        symlinkSync(`${path}.victim`, path);
      },
    ],
    ['a link that leads nowhere', (path) => symlinkSync(`${path}.victim`, path)],
    ['a directory', (path) => mkdirSync(path)],
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ])('is not put in the place of %s', async (_, make) => {
    const path = join(home, 'trouble.txt');
    make(path);
    const before = lstatSync(path);
    const { code, stdout, stderr } = await doctor('--report', path);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(en.doctor.reportTaken(path));
    const after = lstatSync(path);
    expect([after.ino, after.mode, after.size]).toEqual([before.ino, before.mode, before.size]);
    const victim = `${path}.victim`;
    if (existsSync(victim)) expect(readFileSync(victim, 'utf8')).toMatch(/mine$/);
  });

  it('is not put in the place of a device', async () => {
    expect((await doctor('--report', '/dev/null')).code).toBe(2);
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('says why it could not be written, in the language of the rest', async () => {
    const path = join(home, 'none', 'trouble.txt');
    const english = await doctor('--report', path);
    expect(english.code).toBe(1);
    expect(english.stderr).toContain(`no report is written: ${path} cannot be written: no such file or directory`);
    const chinese = await doctor('--report', path, '--lang', 'zh');
    expect(chinese.stderr).toContain(`没有写入报告：${path} 无法写入`);
    const json = await doctor('--report', path, '--json');
    expect(JSON.parse(json.stdout)).not.toHaveProperty('report');
    expect(existsSync(dirname(path))).toBe(false);
  });
});
