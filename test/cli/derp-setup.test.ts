import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { layoutBelow } from '../../src/deploy/layout.ts';
import { checkIds } from '../../src/probe/check.ts';
import { makeChain } from '../setup/certificate/authority.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { freePorts, run, start } from './run.ts';

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

describe('derp-setup --once', () => {
  it('starts a relay, proves it, and answers with one JSON document', async () => {
    const { code, stdout, stderr } = await setup('--once', '--json', '--yes', ...here());
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({
      ok: true,
      host: '127.0.0.1',
      ports: { derp: ports.tcp, http: -1, stun: ports.udp },
      verification: { ok: true },
      notes: expect.arrayContaining([expect.objectContaining({ code: 'open-relay' })]),
    });
    expect(answer.verification.checks.map(({ id }: { id: string }) => id)).toEqual([...checkIds]);
    for (const check of answer.verification.checks) {
      expect(check).toMatchObject({ ok: true, detail: expect.any(String) });
    }
    const [node] = answer.derpMap.Regions['900'].Nodes;
    expect(node).toEqual({
      Name: '900a',
      RegionID: 900,
      HostName: '127.0.0.1',
      CertName: answer.certificate.pin,
      IPv4: '127.0.0.1',
      DERPPort: ports.tcp,
      STUNPort: ports.udp,
    });
    expect(answer.certificate.pin).toMatch(/^sha256-raw:[0-9a-f]{64}$/);
  });

  it('leaves the promised files with the promised modes, and the same ones the next time', async () => {
    await setup('--once', ...here());
    const layout = layoutBelow(root);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(layout.relayKey)).toBe('600');
    expect(mode(layout.certificateKey('127.0.0.1'))).toBe('600');
    expect(mode(layout.certificate('127.0.0.1'))).toBe('644');
    expect(JSON.parse(readFileSync(layout.derpMap, 'utf8')).Regions['900'].Nodes[0].DERPPort).toBe(ports.tcp);
    const before = treeOf(root);
    const { code, stderr } = await setup('--once');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('kept from the last run: --host, --derp-port, --stun-port');
    expect(treeOf(root)).toEqual(before);
  });

  it('keeps everything in the user’s place for state when nobody says where', async () => {
    const { code } = await run('derp-setup', ['--once', ...here()], { home });
    expect(code).toBe(0);
    expect(existsSync(join(home, '.local/state/derp-setup/var/lib/derp-setup/derper.key'))).toBe(true);
    const environment = { XDG_STATE_HOME: join(home, 'xdg') };
    expect((await run('derp-setup', ['--once', ...here()], { home, environment })).code).toBe(0);
    expect(existsSync(join(home, 'xdg/derp-setup/etc/derp-setup/config.json'))).toBe(true);
  });

  it('answers people on stdout with what to paste, and tells the rest on stderr', async () => {
    const { stdout, stderr } = await setup('--once', ...here());
    expect(stdout).toContain('The relay works');
    expect(stdout).toContain('"CertName": "sha256-raw:');
    expect(stdout).toContain('Tailscale 1.84 or later');
    expect(stdout).toContain(`${ports.tcp}/tcp, ${ports.udp}/udp`);
    expect(stdout).toContain(`npx derp-setup probe 127.0.0.1 --derp-port ${ports.tcp}`);
    expect(stderr).toContain('open relay');
    expect(stderr.match(/ {2}✔ /g)!.length).toBeGreaterThan(8);
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('speaks Chinese when asked to', async () => {
    const { code, stdout, stderr } = await setup('--once', '--lang', 'zh', ...here());
    expect(code).toBe(0);
    expect(stdout).toContain('中继工作正常');
    expect(stderr).toContain('开放的中继');
    const lines = stderr.split('\n').filter((line) => /^ {2}[✔✖!–]/.test(line));
    // Names of protocols aside, every line is Chinese.
    for (const line of lines.filter((line) => !line.includes('TLSv1'))) {
      expect(line).toMatch(/\p{Script=Han}/u);
    }
  });

  it('takes another port when the default one is taken, and says so', async () => {
    const server = createServer();
    // Somebody else may have it already; taken is taken.
    server.on('error', () => {}).listen(8443, '127.0.0.1');
    closers.push(() => server.close());
    const { code, stdout, stderr } = await setup(
      ...['--once', '--json', '--host', '127.0.0.1', '--stun-port', String(ports.udp)],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).ports.derp).toBeGreaterThan(8443);
    expect(stderr).toContain('8443/tcp is in use by');
  });

  it('ends with 3 when the proof fails, and still answers', async () => {
    // Nobody serves this address of the documentation range.
    const args = ['--once', '--json', '--host', 'relay.invalid', ...here().slice(2)];
    const { code, stdout } = await setup(...args);
    expect(code).toBe(3);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ ok: false, verification: { ok: false }, derpMap: {} });
    expect(answer.verification.checks[0]).toMatchObject({ id: 'resolve', ok: false });
  });

  it('serves the files that were named, pinned when they are self-signed', async () => {
    const { certPem, keyPem, pin } = await makeSelfSignedCertificate('localhost');
    const files = { certFile: join(home, 'my.crt'), keyFile: join(home, 'my.key') };
    writeFileSync(files.certFile, certPem);
    writeFileSync(files.keyFile, keyPem);
    const args = ['--once', '--json', '--host', 'localhost', ...here().slice(2)];
    const { code, stdout } = await setup(...args, '--cert-file', 'my.crt', '--key-file', files.keyFile);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ certificate: { mode: 'manual', file: files.certFile, pin } });
    expect(existsSync(layoutBelow(root).certificateDirectory)).toBe(false);
  });

  it.each([
    ['in the file', true, {}],
    ['known to the machine', false, { SSL_CERT_FILE: 'ca.pem' }],
  ])('serves a chain of an own authority, %s, and says that clients must know it', async (_, withRoot, environment) => {
    const chain = await makeChain({ type: 'dns', value: 'localhost' });
    writeFileSync(join(home, 'my.crt'), chain.leaf + chain.intermediate + (withRoot ? chain.root : ''));
    writeFileSync(join(home, 'my.key'), chain.key);
    writeFileSync(join(home, 'ca.pem'), chain.root);
    const args = ['--once', '--json', '--host', 'localhost', ...here().slice(2), '--root', root];
    const files = ['--cert-file', 'my.crt', '--key-file', 'my.key'];
    const { code, stdout, stderr } = await run('derp-setup', [...args, ...files], { home, environment });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const answer = JSON.parse(stdout);
    expect(answer.derpMap.Regions['900'].Nodes[0]).not.toHaveProperty('CertName');
    expect(answer.notes).toContainEqual(expect.objectContaining({ code: 'private-authority' }));
  });
});

describe('derp-setup in the foreground', () => {
  it('serves until it is asked to end, and ends well', async () => {
    const program = start('derp-setup', [...here(), '--root', root], { home });
    await program.says('Serving until Ctrl-C');
    const map = JSON.parse(readFileSync(layoutBelow(root).derpMap, 'utf8'));
    const pin = map.Regions['900'].Nodes[0].CertName;
    const flags = ['--derp-port', `:${ports.tcp}`, '--stun-port', `${ports.udp}`, '--http-port', '-1'];
    const good = await run('derp-setup', ['probe', '127.0.0.1', ...flags, '--pin', pin, '--count', '5'], { home });
    expect(good).toMatchObject({ code: 0, stderr: 'All good.\n' });
    expect(good.stdout.split('\n').filter((line) => line.includes('✔'))).toHaveLength(checkIds.length - 1);
    program.child.kill('SIGINT');
    const { code, stdout, stderr } = await program.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('"derpMap"');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'is interrupted by %s before the proof with 130, nothing left behind',
    async (signal) => {
      const program = start('derp-setup', [...here(), '--json', '--root', root], { home });
      await program.says('as a client would');
      program.child.kill(signal);
      const { code, stdout } = await program.finished;
      expect(code).toBe(130);
      expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ code: 'interrupted' }] });
      expect(existsSync(root)).toBe(false);
    },
  );
});
