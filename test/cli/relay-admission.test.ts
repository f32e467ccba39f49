/** derp-relay as a process that lets in only some. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { formatPublicKey, generateKeyPair } from '../../src/protocol/keys.ts';
import { listenOnLoopback } from '../loopback.ts';
import { admissionController, allow } from '../relay/support/admission-servers.ts';
import { logIn } from '../relay/support/raw-client.ts';
import { temporaryDirectory } from '../temporary.ts';
import { freePorts, run, start } from './run.ts';

let home: string;
let port: number;

beforeEach(async () => {
  home = temporaryDirectory();
  port = (await freePorts()).tcp;
});

const flags = (...more: string[]) => [
  ...['-a', `127.0.0.1:${port}`, '-stun=false', '-c', join(home, 'derper.key'), ...more],
];

describe('derp-relay', () => {
  it('lets in the keys of its key file, and reads it again on SIGHUP', async () => {
    const [one, two] = [generateKeyPair(), generateKeyPair()];
    const list = join(home, 'keys');
    writeFileSync(list, `${formatPublicKey(one.publicKey)}\n`);
    const program = start('derp-relay', flags('-verify-key-file', list), { home });
    await program.says('"listening"');
    await using client = await logIn(port, { secret: one.privateKey, tls: false });
    await client.settled();
    await expect(logIn(port, { secret: two.privateKey, tls: false })).rejects.toThrow(/closed/);
    await program.says('"reason":"not in the key file"');
    writeFileSync(list, `${formatPublicKey(two.publicKey)}\n`);
    program.child.kill('SIGHUP');
    await client.untilClosed();
    await using other = await logIn(port, { secret: two.privateKey, tls: false });
    await other.settled();
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('asks a URL over TLS, by a CA that the system trusts', async () => {
    const { certPem, keyPem } = await makeSelfSignedCertificate('localhost');
    const handler = admissionController((response) => allow(response, true));
    const controller = createServer({ cert: certPem, key: keyPem }, handler as RequestListener);
    await using service = await listenOnLoopback(controller);
    const ca = join(home, 'ca.pem');
    writeFileSync(ca, certPem);
    const url = `https://localhost:${service.port}/verify`;
    const program = start('derp-relay', flags('-verify-client-url', url), {
      home,
      environment: { NODE_EXTRA_CA_CERTS: ca },
    });
    await program.says('"listening"');
    await using client = await logIn(port, { tls: false });
    await client.settled();
    expect(handler.questions).toHaveLength(1);
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('lets nobody in while there is no tailscaled, and says which socket it looks for', async () => {
    const socket = join(home, 'tailscaled.sock');
    const program = start('derp-relay', flags('-verify-clients', '-socket', socket), { home });
    await program.says(`"problem":"tailscaled does not answer: there is no socket ${socket}"`);
    await expect(logIn(port, { tls: false })).rejects.toThrow(/closed/);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.finished;
    expect(code).toBe(0);
    expect(stderr).toContain('"client_refused"');
  });

  it('warns of a flag that restricts nothing by itself', async () => {
    const program = start('derp-relay', flags('-socket', '/x'), { home });
    await program.says('"admission":"none"');
    expect(program.stderr()).toContain('"flag_ignored","flag":"-socket"');
    program.child.kill('SIGTERM');
    expect((await program.finished).code).toBe(0);
  });

  it('does not start with a key file that it cannot use, by flag or config file', async () => {
    const list = join(home, 'keys');
    writeFileSync(list, `# nobody\n\nnodekey:12\n`);
    mkdirSync(join(home, 'etc'));
    const config = join(home, 'etc/relay.json');
    writeFileSync(config, JSON.stringify({ admission: { keyFile: '../keys' } }));
    for (const more of [
      ['-verify-key-file', 'keys'],
      ['-config', config],
    ]) {
      const { code, stderr } = await run('derp-relay', flags(...more), { home });
      expect(code).toBe(2);
      expect(stderr).toMatch(/^derp-relay: key file: \S*keys, line 3 is not a key .*\n$/);
    }
  });

  it('tells its flags for admission in the help', async () => {
    const { stdout } = await run('derp-relay', ['-help'], { home });
    for (const name of ['verify-clients', 'socket', 'verify-client-url', 'verify-key-file']) {
      expect(stdout).toContain(`\n  -${name} `);
    }
    expect(stdout).toMatch(/-verify-client-url-fail-open .*default false; derper's default is true/);
  });
});
