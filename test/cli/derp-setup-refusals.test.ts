import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { layoutBelow } from '../../src/deploy/layout.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { freePorts, run } from './run.ts';

let home: string;
let root: string;
let ports: { tcp: number; udp: number };
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  home = temporaryDirectory();
  root = join(home, 'root');
  ports = await freePorts();
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const here = () => ['--host', '127.0.0.1', '--derp-port', String(ports.tcp), '--stun-port', String(ports.udp)];
const setup = (...args: string[]) => run('derp-setup', [...args, '--root', root], { home });

describe('bad input', () => {
  /** Runs, and expects exit code 2 with nothing written; gives back the codes of the problems. */
  async function refused(...args: string[]) {
    const before = treeOf(home);
    const plain = await setup(...args);
    expect(plain.code).toBe(2);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toMatch(/^derp-setup: \d+ problems?\n/);
    expect(plain.stderr).toMatch(/Nothing was changed\.\n$/);
    const json = await setup('--json', ...args);
    expect(json.code).toBe(2);
    expect(treeOf(home)).toEqual(before);
    const answer = JSON.parse(json.stdout);
    expect(answer.ok).toBe(false);
    return answer.problems.map(({ subject, code }: { subject: string; code: string }) => `${subject} ${code}`);
  }

  it('is listed all at once, as the wizard promises', async () => {
    const { stderr, code } = await setup(
      'setup',
      '--yes',
      '--cert',
      'manual',
      '--derp-port',
      '70000',
      '--region-id',
      '5x',
    );
    expect(code).toBe(2);
    expect(stderr).toBe(`derp-setup: 3 problems
  --cert manual         needs --cert-file and --key-file
  --derp-port 70000     is not a port (1 to 65535)
  --region-id 5x        is not a number (900 to 999 for your own regions)
Nothing was changed.
`);
  });

  it.each([
    [['--frobnicate'], ['--frobnicate unknown-flag']],
    [
      ['--derp-prot', '8443', '--host', 'a b'],
      ['--derp-prot unknown-flag', '--host not-a-host'],
    ],
    [['--derp-port', '0'], ['--derp-port not-a-port']],
    [['--derp-port', '70000'], ['--derp-port not-a-port']],
    [
      ['--derp-port', '80a', '--stun-port=0'],
      ['--derp-port not-a-port', '--stun-port not-a-port'],
    ],
    [['--derp-port'], ['--derp-port missing-value']],
    [['--host', '1.2.3'], ['--host not-a-host']],
    [['--cert', 'letsencrypt', '--host', '10.0.0.1'], ['--host private-host']],
    [['--deploy', 'kubernetes'], ['--deploy not-one-of']],
    [['--verify', 'members'], ['--verify not-one-of']],
    [['--allow-cider', '10.0.0.0/8'], ['--allow-cider unknown-flag']],
    [
      ['--allow-cidr', '10.0.0.1/8 10.0.0.0/33,/nowhere/list', '--deny-cidr', '10.0.0.300', '--client-rate', '10 Mbit'],
      ['--allow-cidr bad-range', '--allow-cidr bad-range', '--deny-cidr bad-range', '--client-rate not-a-rate'],
    ],
    [
      ['--allow-cidr', '10.0.0.0/8,/nowhere/list', '--deny-cidr', '/nowhere'],
      ['--allow-cidr file', '--deny-cidr file'],
    ],
    [['--answers', '/nonexistent'], ['--answers file']],
    [['frobnicate'], ['frobnicate unknown-command']],
  ])('%j', async (args, problems) => {
    expect(await refused(...args)).toEqual(problems);
  });

  it('names who has a port that was asked for, however it is spelt', async () => {
    const server = createServer().listen(ports.tcp, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    for (const spelling of [`${ports.tcp}`, `:${ports.tcp}`, `":${ports.tcp}"`]) {
      const { code, stderr } = await setup('--host', '127.0.0.1', '--derp-port', spelling);
      expect(code).toBe(2);
      const owner = process.platform === 'linux' ? `in use by node (pid ${process.pid})` : 'in use by';
      expect(stderr).toContain(owner);
    }
    expect(existsSync(root)).toBe(false);
  });

  it('may be files: damaged, cut short, of two pairs, or not for this host', async () => {
    const one = await makeSelfSignedCertificate('localhost');
    const other = await makeSelfSignedCertificate('localhost');
    const crt = join(home, 'my.crt');
    const key = join(home, 'my.key');
    const files = ['--cert-file', crt, '--key-file', key];
    const withFiles = (...args: string[]) => refused('--host', 'localhost', ...files, ...args);
    expect(await withFiles()).toEqual(['--cert-file file', '--key-file file']);
    writeFileSync(crt, one.certPem);
    writeFileSync(key, other.keyPem);
    expect(await withFiles()).toEqual(['--key-file key-mismatch']);
    writeFileSync(key, one.keyPem.slice(0, 120));
    expect(await withFiles()).toEqual(['--key-file not-a-private-key']);
    writeFileSync(key, one.keyPem);
    writeFileSync(crt, one.certPem.slice(0, 300));
    expect(await withFiles()).toEqual(['--cert-file not-a-certificate']);
    writeFileSync(crt, one.certPem);
    expect(await refused('--host', 'other.example', ...files)).toEqual(['--cert-file host-not-covered']);
  });

  it('may be a relay key that was cut short: it is never replaced', async () => {
    const { relayKey, stateDirectory } = layoutBelow(root);
    mkdirSync(stateDirectory, { recursive: true });
    writeFileSync(relayKey, '{"PrivateKey": "privkey:00', { mode: 0o600 });
    expect(await refused(...here())).toEqual([`${relayKey} bad-relay-key`]);
  });

  it.runIf(process.getuid?.() !== 0)('may be a root that cannot be written', async () => {
    mkdirSync(root);
    chmodSync(root, 0o555);
    const { code, stderr } = await setup('--once', ...here());
    expect(code).toBe(1);
    expect(stderr).toContain('permission denied');
    chmodSync(root, 0o755);
    expect(treeOf(root)).toEqual({});
  });
});

describe('derp-setup probe', () => {
  it('ends with 1 and says how to mend it when nothing answers', async () => {
    const args = ['probe', '127.0.0.1', '--derp-port', String(ports.tcp), '--stun-port', '-1', '--http-port=-1'];
    const plain = await run('derp-setup', args, { home });
    expect(plain.code).toBe(1);
    expect(plain.stdout).toMatch(/✖ TCP .*\n +→ /);
    const json = await run('derp-setup', [...args, '--json'], { home });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, host: '127.0.0.1', ports: { derp: ports.tcp } });
  });

  it.each([
    [[], ['<host> missing-host']],
    [
      ['a b', 'x'],
      ['x unknown-argument', '<host> not-a-host'],
    ],
    [
      ['x', '--count', '0', '--pin', 'x', '--ca', '/nonexistent'],
      ['--pin not-a-pin', '--count not-a-count', '--ca file'],
    ],
    [['x', '--derp-port', '-1'], ['--derp-port not-a-port']],
    [['x', '--once'], ['--once unknown-flag']],
  ])('%j is refused', async (args, expected) => {
    const { code, stdout } = await run('derp-setup', ['probe', ...args, '--json'], { home });
    expect(code).toBe(2);
    const { problems } = JSON.parse(stdout);
    expect(problems.map(({ subject, code }: { subject: string; code: string }) => `${subject} ${code}`)).toEqual(
      expected,
    );
  });
});
