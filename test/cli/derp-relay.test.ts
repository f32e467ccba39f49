import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { probeRelay } from '../../src/probe/probe.ts';
import { pinOf } from '../../src/protocol/certificate-pin.ts';
import { parseKeyFile } from '../../src/protocol/keys.ts';
import { GoodPair } from '../relay/support/good-pair.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { freePorts, run, start } from './run.ts';

let home: string;
let ports: { tcp: number; udp: number };
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  home = temporaryDirectory();
  ports = await freePorts();
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** The pin of the certificate that a port serves. */
async function servedPin(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate()!;
  socket.destroy();
  return pinOf(certificate);
}

async function writePair(host: string, directory = join(home, 'certs')) {
  const pair = await makeSelfSignedCertificate(host);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${host}.crt`), pair.certPem);
  writeFileSync(join(directory, `${host}.key`), pair.keyPem);
  return { ...pair, directory };
}

const tlsFlags = (host: string) => [
  ...['-a', `127.0.0.1:${ports.tcp}`, '-stun-port', `${ports.udp}`, '-http-port', '-1', '-c', join(home, 'derper.key')],
  ...['-certmode', 'manual', '-certdir', join(home, 'certs'), '-hostname', host],
];

describe('derp-relay', () => {
  it.each(['derp-relay', 'derp-setup'] as const)('serves by derper’s flags, started as %s', async (name) => {
    const { pin } = await writePair('localhost');
    const args = tlsFlags('localhost');
    const program = start(name, name === 'derp-setup' ? ['relay', ...args] : args, { home });
    await program.says('"listening"');
    const key = parseKeyFile(readFileSync(join(home, 'derper.key'), 'utf8'));
    expect(program.stderr()).toContain(key.publicKey.toString('hex'));
    const options = {
      host: 'localhost',
      addresses: ['127.0.0.1'],
      derpPort: ports.tcp,
      stunPort: ports.udp,
      httpPort: -1,
      pin,
    };
    for await (const check of probeRelay({ ...options, packets: 5 })) expect(check).toMatchObject({ ok: true });
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('reads the certificate again on SIGHUP or when it changes, keeps the old one when that is bad, and loses no packet', async () => {
    const pins = [(await writePair('localhost')).pin];
    const program = start('derp-relay', tlsFlags('localhost'), { home });
    await program.says('"listening"');
    await using pair = await GoodPair.start(ports.tcp);
    pins.push((await writePair('localhost')).pin);
    program.child.kill('SIGHUP');
    await program.says('"certificate_reloaded"');
    expect(await servedPin(ports.tcp)).toBe(pins[1]);

    writeFileSync(join(home, 'certs/localhost.key'), 'nonsense');
    program.child.kill('SIGHUP');
    await program.says('"certificate_not_reloaded"');
    expect(await servedPin(ports.tcp)).toBe(pins[1]);

    pins.push((await writePair('localhost')).pin);
    await program.says(`"sha256":"${pins[2]!.replace('sha256-raw:', '')}"`);
    expect(await servedPin(ports.tcp)).toBe(pins[2]);
    expect(new Set(pins).size).toBe(3);

    const { sent, received } = await pair.finish();
    expect(sent[0]).toBeGreaterThan(100);
    expect(received).toEqual(sent.map((count) => Array.from({ length: count }, (_, i) => i)));
    program.child.kill('SIGINT');
    expect((await program.finished).code).toBe(0);
  });

  it('makes a certificate for an address that has none, as derper does, and logs its pin', async () => {
    const program = start('derp-relay', tlsFlags('127.0.0.1'), { home });
    await program.says('"listening"');
    expect(program.stderr()).toMatch(/"pin":"sha256-raw:[0-9a-f]{64}"/);
    expect(statSync(join(home, 'certs/127.0.0.1.key')).mode & 0o777).toBe(0o600);
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('serves plain HTTP on any other port', async () => {
    const program = start('derp-relay', ['-a', `127.0.0.1:${ports.tcp}`, '-stun=false', '-c', join(home, 'k')], {
      home,
    });
    await program.says('"listening"');
    const answer = await fetch(`http://127.0.0.1:${ports.tcp}/derp`, { headers: { connection: 'close' } });
    expect(answer.status).toBe(426);
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('runs from a config file', async () => {
    const { directory } = await writePair('localhost');
    const config = {
      listen: { host: '127.0.0.1', port: ports.tcp },
      certificate: { certFile: 'localhost.crt', keyFile: 'localhost.key' },
      hostname: 'localhost',
      keyFile: 'derper.key',
      httpPort: -1,
      stunPort: -1,
    };
    writeFileSync(join(directory, 'relay.json'), JSON.stringify(config));
    const program = start('derp-relay', ['--config', 'certs/relay.json'], { home });
    await program.says('"listening"');
    expect(existsSync(join(directory, 'derper.key'))).toBe(true);
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('prints help and version on stdout', async () => {
    expect(await run('derp-relay', ['-version'], { home })).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout } = await run('derp-setup', ['relay', '--help'], { home });
    expect(code).toBe(0);
    expect(stdout).toContain('-certmode');
  });
});

describe('derp-relay refuses', () => {
  /** Runs, and expects exit code 2, a line for each problem, and nothing written. */
  async function refused(...args: string[]): Promise<string[]> {
    const before = treeOf(home);
    const { code, stdout, stderr } = await run('derp-relay', args, { home });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(treeOf(home)).toEqual(before);
    return stderr.trimEnd().split('\n');
  }

  it('every problem of the command line at once', async () => {
    const lines = await refused('-verify-client-url', 'x', '-a', ':70000', '-http-port', '80a', '-nosuch');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/^derp-relay: -(nosuch|verify-client-url|a|http-port) /);
  });

  it('a port that is taken, naming who has it', async () => {
    const server = createServer().listen(ports.tcp, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => server.close());
    const lines = await refused('-a', `127.0.0.1:${ports.tcp}`, '-stun=false', '-c', join(home, 'k'));
    expect(lines).toHaveLength(1);
    const owner = process.platform === 'linux' ? `node (pid ${process.pid})` : '';
    expect(lines[0]).toContain(`cannot listen on ${ports.tcp}/tcp: in use by ${owner}`);
  });

  it('address lists with a mistake, by file, line and rule', async () => {
    const list = join(home, 'allow.txt');
    writeFileSync(list, '192.0.2.1 # office\n203.0.113.7/8\n');
    const config = { keyFile: 'k', stunPort: -1, allowCidr: { files: ['allow.txt'] }, denyCidr: ['192.0.2.0/33'] };
    const path = join(home, 'relay.json');
    writeFileSync(path, JSON.stringify(config));
    const start = ['-a', `127.0.0.1:${ports.tcp}`, '--config', path];
    expect(await refused(...start)).toEqual([
      `derp-relay: ${path}: denyCidr.ranges[0] "192.0.2.0/33" needs a number from 0 to 32 behind its slash`,
    ]);
    writeFileSync(path, JSON.stringify({ ...config, denyCidr: null }));
    expect(await refused(...start)).toEqual([
      `derp-relay: address list: ${list}, line 2: "203.0.113.7/8" begins within its range: write 203.0.0.0/8, or 203.0.113.7 alone`,
    ]);
  });

  it('a key file that was cut short, and leaves it as it is', async () => {
    const path = join(home, 'derper.key');
    writeFileSync(path, '{"PrivateKey": "privkey:12');
    const lines = await refused('-a', `127.0.0.1:${ports.tcp}`, '-stun=false', '-c', path);
    expect(lines).toEqual([expect.stringContaining(`${path} is damaged`)]);
    expect(lines[0]).not.toContain('privkey:12');
  });

  it('a rate file that says nothing of a rate', async () => {
    const path = join(home, 'rate.json');
    writeFileSync(path, '{"Rate": 5}');
    const listen = ['-a', `127.0.0.1:${ports.tcp}`, '-stun=false', '-c', join(home, 'k')];
    const lines = await refused(...listen, '-rate-config', path);
    expect(lines).toEqual([`derp-relay: rate file: ${path}: "Rate" is not known here`]);
  });

  it('certificates that are missing, of two pairs, or for another name', async () => {
    const missing = await refused(...tlsFlags('localhost'));
    expect(missing).toEqual([expect.stringContaining('localhost.crt')]);
    const { directory } = await writePair('localhost');
    const other = await makeSelfSignedCertificate('localhost');
    writeFileSync(join(directory, 'localhost.key'), other.keyPem);
    expect(await refused(...tlsFlags('localhost'))).toEqual([expect.stringContaining('is not the key of')]);
    await writePair('localhost');
    const wrong = ['-a', `127.0.0.1:${ports.tcp}`, '-stun=false', '-c', join(home, 'k'), '-http-port=-1'];
    writeFileSync(join(directory, 'other.example.crt'), readFileSync(join(directory, 'localhost.crt')));
    writeFileSync(join(directory, 'other.example.key'), readFileSync(join(directory, 'localhost.key')));
    const manual = ['-certmode=manual', '-certdir', directory, '-hostname', 'other.example'];
    expect(await refused(...wrong, ...manual)).toEqual([expect.stringContaining('is not for other.example')]);
  });
});
