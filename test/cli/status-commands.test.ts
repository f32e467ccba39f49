import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readCommandLine } from '../../src/cli/invocation.ts';
import { en } from '../../src/cli/messages/en.ts';
import { zh } from '../../src/cli/messages/zh.ts';
import { layoutBelow } from '../../src/deploy/layout.ts';
import { temporaryDirectory } from '../temporary.ts';
import { freePorts, run, start } from './run.ts';

let home: string;
let root: string;
let ports: { tcp: number; udp: number };

beforeEach(async () => {
  home = temporaryDirectory();
  root = join(home, 'root');
  ports = await freePorts();
});

const below = (...args: string[]) => run('derp-setup', [...args, '--root', root], { home });

/** A relay in the foreground that serves until the test is over. */
async function serve() {
  const where = ['--host', '127.0.0.1', '--derp-port', String(ports.tcp), '--stun-port', String(ports.udp)];
  const relay = start('derp-setup', ['--deploy', 'foreground', ...where, '--root', root], { home });
  await relay.says(en.report.serving);
  return relay;
}

describe('where nothing is installed', () => {
  it.each(['status', 'doctor', 'derp-map'])('%s ends with 1, and says how to install', async (command) => {
    const { code, stdout, stderr } = await below(command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('no relay is installed below');
    expect(stderr).toContain('npx derp-setup');
    const json = await below(command, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problems: [{ code: 'not-installed' }] });
  });
});

describe('bad usage', () => {
  it.each([
    [['status', '--wtach'], '--wtach'],
    [['status', '--watch', '--json'], 'together with --json'],
    [['doctor', '--open-firewall'], 'needs --fix'],
    [['doctor', '--report'], '--report'],
    [['derp-map', 'now'], 'now'],
    [['status', '--derp-port', '1'], '--derp-port'],
  ])('of %j ends with 2', async (args, text) => {
    const { code, stderr } = await run('derp-setup', args, { home });
    expect(code).toBe(2);
    expect(stderr).toContain(text);
  });
});

describe('a relay that serves', () => {
  it('has a status of 0, for people and for programs', async () => {
    const relay = await serve();
    const text = await below('status');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain(`127.0.0.1 · ${ports.tcp}/tcp ${ports.udp}/udp`);
    expect(text.stdout).toContain('anyone may use it');
    const { code, stdout } = await below('status', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      target: 'foreground',
      ports: { derp: ports.tcp, stun: ports.udp },
      certificate: { mode: 'self-signed', source: 'served' },
      admission: ['none'],
      relay: { clients: 0 },
      shortcomings: [],
    });
    relay.child.kill('SIGINT');
    await relay.finished;
    const ended = await below('status', '--json');
    expect(ended.code).toBe(3);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      ok: false,
      certificate: { source: 'file' },
      shortcomings: [{ code: 'foreground-ended', remedy: expect.stringContaining('derp-setup') }],
    });
  });

  it('is watched until the interruption, a line each time', async () => {
    await serve();
    const watch = start('derp-setup', ['status', '--watch', '--root', root], { home });
    let seen = '';
    await new Promise<void>((resolve) => {
      watch.child.stdout!.on('data', (part: string) => {
        seen += part;
        if (seen.includes('/s in')) resolve();
      });
    });
    watch.child.kill('SIGINT');
    const { code, stdout } = await watch.finished;
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').length).toBeGreaterThanOrEqual(2);
    expect(stdout).not.toContain('\u001b');
  });

  it('passes the doctor, who leaves no trace but the report', async () => {
    await serve();
    const report = join(home, 'trouble.txt');
    const { code, stdout, stderr } = await below('doctor', '--json', '--report', report);
    const document = JSON.parse(stdout);
    expect(document.findings.filter(({ level }: { level: string }) => level === 'failed')).toEqual([]);
    expect({ code, ok: document.ok, report: document.report }).toEqual({ code: 0, ok: true, report });
    expect(document.findings.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(['foreground-runs', 'ports-held', 'host-leads-here', 'certificate-fine', 'client-served']),
    );
    expect(stderr).toContain(report);
    expect(statSync(report).mode & 0o777).toBe(0o600);
    const key = /privkey:(\w+)/.exec(readFileSync(layoutBelow(root).relayKey, 'utf8'))![1]!;
    expect(readFileSync(report, 'utf8')).not.toContain(key.slice(0, 16));
  });

  it('does not pass when the map names another pin, and when the key is another one', async () => {
    await serve();
    const layout = layoutBelow(root);
    const map = readFileSync(layout.derpMap, 'utf8');
    writeFileSync(layout.derpMap, map.replace(/sha256-raw:[0-9a-f]{4}/, 'sha256-raw:0000'));
    rmSync(layout.relayKey);
    const { code, stdout } = await below('doctor', '--quiet');
    expect(code).toBe(1);
    expect(stdout).toContain('is not that of the certificate');
    expect(stdout).toContain(`${layout.relayKey} is missing`);
    expect(stdout).not.toContain('✔');
    const chinese = await below('doctor', '--lang', 'zh');
    expect(chinese.stdout).toContain('与证书');
    expect(chinese.stderr).toContain('个问题需要处理');
  });

  it('shows what to paste, as JSON for the policy file, as YAML for Headscale, and alone', async () => {
    await serve();
    const layout = layoutBelow(root);
    const snippet = await below('derp-map');
    expect(snippet).toMatchObject({ code: 0 });
    const saved = JSON.parse(readFileSync(layout.derpMap, 'utf8'));
    expect(JSON.parse(`{${snippet.stdout}}`)).toEqual({ derpMap: saved });
    expect(JSON.parse((await below('derp-map', '--json')).stdout)).toEqual(saved);
    expect((await below('derp-map', '--headscale')).stdout).toBe(readFileSync(layout.headscaleMap, 'utf8'));
    writeFileSync(layout.derpMap, '{}');
    expect(await below('derp-map')).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('the user’s own place', () => {
  // A machine with an installation of its own has that looked at first.
  it.skipIf(existsSync('/etc/derp-setup/config.json'))('is where a relay in the foreground is found', async () => {
    const where = ['--host', '127.0.0.1', '--derp-port', String(ports.tcp), '--stun-port', String(ports.udp)];
    await run('derp-setup', ['--deploy', 'foreground', '--once', ...where], { home });
    const { code, stdout } = await run('derp-setup', ['status', '--json'], { home });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ root: join(home, '.local/state/derp-setup'), target: 'foreground' });
  });
});

describe('help', () => {
  it.each([
    ['status', 'en', en],
    ['status', 'zh', zh],
    ['doctor', 'en', en],
    ['doctor', 'zh', zh],
    ['derp-map', 'en', en],
    ['derp-map', 'zh', zh],
    ['nftables', 'en', en],
    ['nftables', 'zh', zh],
  ] as const)('of %s in %s', async (command, language, messages) => {
    const invocation = readCommandLine([command, '--help'], messages);
    const text = invocation.command === 'print' ? invocation.text : '';
    await expect(`${text}\n`).toMatchFileSnapshot(`./golden/help-${command}-${language}.txt`);
  });
});
