/**
 * What a relay that was broken into could do: a program that tries it, in the relay's own unit, as the relay's user, with
 * the relay's capabilities, namespaces and system calls.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootMachine, type Machine } from './support/machine.ts';
import { until } from './support/wait.ts';

const UNIT = 'derp-relay.service';
const DROP_IN = `/etc/systemd/system/${UNIT}.d/intruder.conf`;
const INTRUDER = '/usr/local/lib/intruder.mjs';
const RESULTS = '/var/lib/derp-setup/intruder.json';

/** Tries everything in `attempts` (a name, and the body of an async function), and writes down what came of it. */
const program = (attempts: Record<string, string>) => `
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as os from 'node:os';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
const run = promisify(execFile);
const attempts = {${Object.entries(attempts).map(([name, body]) => `${JSON.stringify(name)}: async () => { ${body} }`)}};
const results = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    results[name] = { done: true, value: await attempt() ?? null };
  } catch (error) {
    results[name] = { done: false, code: error.code ?? String(error) };
  }
}
await fs.writeFile(${JSON.stringify(RESULTS)}, JSON.stringify(results));
setInterval(() => {}, 1000);
`;

/** What a relay is not even shown. */
const HIDDEN = ['open a raw disk', 'see other processes', 'set the kernel’s switches'];

type Results = Record<string, { done: boolean; value?: unknown; code?: string }>;
let machine: Machine;

beforeAll(async () => {
  machine = await bootMachine({ name: 'sandbox' });
  // A relay that knows its clients: only then are there keys by which the machine proves it.
  await machine.writeFile('/etc/derp-keys', `nodekey:${'12'.repeat(32)}\n`);
  const { code, stderr } = await machine.npx(['--yes', '--verify', 'keys:/etc/derp-keys']);
  expect(code, stderr).toBe(0);
  await machine.shell('mkdir -p /home/alice && echo secret > /home/alice/note && echo secret > /root/note');
});
afterAll(() => machine.stop());

/** Runs the attempts in the relay's place. */
async function intrude(attempts: Record<string, string>): Promise<Results> {
  await machine.writeFile(INTRUDER, program(attempts));
  const start = await machine.shell(`systemctl show ${UNIT} --property=ExecStart --value`);
  const node = /argv\[\]=(\S+)/.exec(start)![1]!;
  await machine.shell(`mkdir -p ${DROP_IN.replace(/\/[^/]*$/, '')} && rm -f ${RESULTS}`);
  await machine.writeFile(DROP_IN, `[Service]\nExecStart=\nExecStart=${node} ${INTRUDER}\n`);
  try {
    await machine.shell(`systemctl daemon-reload && systemctl restart ${UNIT}`);
    await machine.shell(`for i in $(seq 300); do [ -s ${RESULTS} ] && exit 0; sleep 0.1; done; exit 1`);
    return JSON.parse(await machine.readFile(RESULTS)) as Results;
  } finally {
    await machine.shell(`rm -f ${DROP_IN} ${INTRUDER} ${RESULTS}; systemctl daemon-reload; systemctl restart ${UNIT}`);
  }
}

describe('a program in the relay’s place', () => {
  it('can do what a relay must', async () => {
    const results = await intrude({
      'read its key': `return (await fs.readFile('/var/lib/derp-setup/derper.key', 'utf8')).length > 0`,
      'read its certificate': `return (await fs.readdir('/etc/derp-setup/certs')).length > 1`,
      'write into its directory': `await fs.writeFile('/var/lib/derp-setup/x', ''); await fs.unlink('/var/lib/derp-setup/x')`,
      'listen below 1024': `const s = net.createServer().listen(999); await once(s, 'listening'); s.close()`,
      'learn its addresses': `return Object.keys(os.networkInterfaces()).length > 0`,
    });
    expect(Object.entries(results).filter(([, { done, value }]) => !done || value === false)).toEqual([]);
  });

  it('cannot write anywhere else, read what is others’, or become somebody else', async () => {
    const results = await intrude({
      'change its configuration': `await fs.appendFile('/etc/derp-setup/relay.json', ' ')`,
      'change its certificate': `for (const n of await fs.readdir('/etc/derp-setup/certs')) await fs.appendFile('/etc/derp-setup/certs/' + n, ' ')`,
      'change its programs': `await fs.appendFile('/usr/local/lib/derp-setup/current/package.json', ' ')`,
      'change its unit': `await fs.appendFile('/etc/systemd/system/derp-relay.service', ' ')`,
      'write into /etc': `await fs.writeFile('/etc/intruder', '')`,
      'write into /usr': `await fs.writeFile('/usr/intruder', '')`,
      'write into /var/log': `await fs.writeFile('/var/log/intruder', '')`,
      'write into /run': `await fs.writeFile('/run/intruder', '')`,
      'write into /dev/shm': `await fs.writeFile('/dev/shm/intruder', '')`,
      'read the prover’s keys': `return await fs.readFile('/etc/derp-setup/prover.json', 'utf8')`,
      'read passwords': `return await fs.readFile('/etc/shadow', 'utf8')`,
      'read the home of root': `return await fs.readFile('/root/note', 'utf8')`,
      'read the home of a user': `return await fs.readFile('/home/alice/note', 'utf8')`,
      'see other processes': `return await fs.readFile('/proc/1/cmdline', 'utf8')`,
      'set the kernel’s switches': `await fs.writeFile('/proc/sys/kernel/hostname', 'x')`,
      'become root': `process.setuid(0)`,
      'give a file away': `await fs.writeFile('/var/lib/derp-setup/y', ''); try { await fs.chown('/var/lib/derp-setup/y', 0, 0) } finally { await fs.unlink('/var/lib/derp-setup/y') }`,
      'make a program that is root': `await fs.copyFile(process.execPath, '/var/lib/derp-setup/z'); try { await fs.chmod('/var/lib/derp-setup/z', 0o4755) } finally { await fs.unlink('/var/lib/derp-setup/z') }`,
      mount: `await run('mount', ['-t', 'tmpfs', 'none', '/var/lib/derp-setup'])`,
      'make a namespace': `await run('unshare', ['--user', 'true'])`,
      'open a raw disk': `await fs.open('/dev/sda', 'r')`,
      'signal another process': `process.kill(1, 'SIGTERM')`,
      'set the clock': `await run('date', ['-s', '2001-01-01'])`,
    });
    expect(Object.entries(results).filter(([, { done }]) => done)).toEqual([]);
    expect(Object.keys(results)).toHaveLength(23);
    // Each is refused, not merely impossible because something is missing on this machine.
    const missing = Object.entries(results).filter(([, { code }]) => code === 'ENOENT');
    expect(missing.map(([name]) => name).sort()).toEqual(HIDDEN.sort());
    console.log(
      Object.entries(results)
        .map(([name, { code }]) => `${name}: ${code}`)
        .join('\n'),
    );
  });

  it('leaves a relay that serves when it is gone', async () => {
    const status = () => machine.run('/usr/local/bin/derp-setup', ['status'], { timeout: 60 });
    await until('the relay to serve again', { seconds: 30 }, async () => (await status()).code === 0);
  });
});
