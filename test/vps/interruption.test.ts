/** Runs that are ended from outside, at every point at which that can happen: the machine is as before, or repaired. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { diffTrees, type FileTree } from './support/file-tree.ts';
import { bootMachine, type Machine, type RunOptions } from './support/machine.ts';
import { commandWords, derpSetup, notOurs, program, unpackPackage } from './support/unpacked.ts';
import { until } from './support/wait.ts';

const INSTALL = ['--yes', '--deploy', 'systemd', '--verify', 'none'];
const DROP_IN = '/etc/systemd/system/derp-relay.service.d/hold.conf';
const LOG = '/run/interruption.log';
const HOLD = '/run/hold';

/**
 * Loaded into the program before it. It counts what the program does to the machine – files that get their name,
 * users, commands to systemd – and after the one with the given number sends the program the signal, so that
 * no step is too quick for it. Then it writes down how often it has counted.
 */
const interrupter = `
  import { appendFileSync } from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  import files from 'node:fs/promises';
  import children from 'node:child_process';
  const { INTERRUPT_AFTER, INTERRUPT_WITH } = process.env;
  let count = 0;
  const done = (what) => {
    count++;
    appendFileSync('${LOG}', count + ' ' + what + '\\n');
    if (count === Number(INTERRUPT_AFTER)) process.kill(process.pid, INTERRUPT_WITH);
  };
  const { rename } = files;
  files.rename = async (from, to) => {
    await rename(from, to);
    done('rename ' + to);
  };
  const { spawn } = children;
  children.spawn = (command, args, options) => {
    const child = spawn(command, args, options);
    const changes = /^(useradd|systemctl (enable|start|restart))/.test(command + ' ' + args[0]);
    if (changes) child.once('exit', () => done(command + ' ' + args.join(' ')));
    return child;
  };
  syncBuiltinESMExports();
`;

let machine: Machine;
let before: FileTree;
beforeAll(async () => {
  machine = await bootMachine({ name: 'interruption' });
  await unpackPackage(machine);
  await machine.writeFile('/srv/interrupter.mjs', interrupter);
  await machine.writeFile(
    DROP_IN,
    `[Service]
ExecStartPre=/bin/sh -c 'while [ -e ${HOLD}-start ]; do sleep 0.02; done'
ExecStopPost=/bin/sh -c 'while [ -e ${HOLD}-stop ]; do sleep 0.02; done'
TimeoutStopSec=60
`,
  );
});
afterAll(() => machine.stop());
beforeEach(() => {
  before = treeOf();
});
// One test that fails must not make those after it fail.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await derpSetup(machine, ['uninstall', '--purge', '--yes']);
});

const PLACES = ['/etc', '/root', '/srv', '/usr/local', '/var'];
const treeOf = (): FileTree => machine.fileTree(PLACES, notOurs);
const changes = () => diffTrees(before, treeOf());
const release = (what: 'start' | 'stop') => machine.shell(`rm -f ${HOLD}-${what}`);
/** Has the unit take as long as the test wants until it has started, or stopped. */
async function hold(what: 'start' | 'stop') {
  onTestFinished(async () => void (await release(what)));
  await machine.shell(`touch ${HOLD}-${what}`);
}
const isActive = async () => (await machine.run('systemctl', ['is-active', 'derp-relay.service'])).stdout.trim();
const port = async () =>
  (await machine.shell('ss -Hltn "sport = :443 or sport = :8443"')).replace(/.*:(\d+) .*\s*/, '$1');

/** Runs it with a signal after so many changes; gives what it had changed by then, and after. */
async function interrupted(after: number, args: readonly string[], signal = 'SIGINT', options: RunOptions = {}) {
  await machine.shell(`rm -f ${LOG}`);
  const env = { INTERRUPT_AFTER: String(after), INTERRUPT_WITH: signal };
  const words = ['--import', '/srv/interrupter.mjs', program, ...args];
  const finished = await machine.run('node', words, { env, timeout: 60, ...options });
  const log = (await machine.shell(`cat ${LOG} 2>/dev/null || true`)).trim().split('\n');
  return { ...finished, log };
}

/** Starts it in the background; `end` waits for its end. */
async function background(args: readonly string[]) {
  const words = commandWords(args).join(' ');
  await machine.shell(`rm -f /run/bg.*; (code=0; ${words} >/run/bg.out 2>/run/bg.err & echo $! >/run/bg.pid
    wait $! || code=$?; echo $code >/run/bg.code) >/dev/null 2>&1 & until [ -s /run/bg.pid ]; do sleep 0.01; done`);
  const told = () => machine.readFile('/run/bg.err');
  return {
    told,
    signal: (name: string) => machine.shell(`kill -s ${name} $(cat /run/bg.pid)`),
    waitFor: (text: string) =>
      until(`the program to say ${text}`, { seconds: 30, pauseMs: 20 }, async () => (await told()).includes(text)),
    end: async () => {
      await machine.shell('until [ -s /run/bg.code ]; do sleep 0.02; done', { timeout: 60 });
      const [code, stdout, stderr] = [
        await machine.readFile('/run/bg.code'),
        await machine.readFile('/run/bg.out'),
        await told(),
      ];
      return { code: Number(code), stdout, stderr };
    },
  };
}

describe('a first installation that is interrupted', () => {
  it('after each thing that it does, leaves the machine as it was', async () => {
    // What it does in all, counted by letting it come to its end.
    const whole = await interrupted(0, INSTALL);
    expect(whole.code, whole.stderr).toBe(0);
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(changes()).toEqual([]);
    const kinds = whole.log.map((line) => line.replace(/^\d+ (\S+( enable| start)?).*/, '$1'));
    for (const kind of ['rename', 'useradd', 'systemctl enable', 'systemctl start']) expect(kinds).toContain(kind);
    expect(whole.log.length).toBeGreaterThan(15);
    for (let after = 1; after <= whole.log.length; after++) {
      const what = whole.log[after - 1]!;
      const { code, stdout, stderr } = await interrupted(after, INSTALL);
      expect({ code, stdout }, `${what}\n${stderr}`).toEqual({ code: 130, stdout: '' });
      expect(stderr, what).toMatch(/Interrupted\.\nEverything was put back as it was\.\n$/);
      expect(changes(), what).toEqual([]);
    }
    expect(await isActive()).toBe('inactive');
    expect((await machine.run('getent', ['passwd', 'derp-relay'])).code).toBe(2);
  });

  it.each(['SIGTERM', 'SIGHUP'])('by %s', async (signal) => {
    const { code, stderr } = await interrupted(9, INSTALL, signal);
    expect(code, stderr).toBe(130);
    expect(stderr).toMatch(/Interrupted\.\nEverything was put back as it was\.\n$/);
    expect(changes()).toEqual([]);
  });

  it('while systemd starts the relay, at once', async () => {
    await hold('start');
    const run = await background(INSTALL);
    await run.waitFor('… start derp-relay');
    await until('systemd to start it', { seconds: 10 }, async () => (await isActive()) === 'activating');
    await run.signal('INT');
    const { code, stderr } = await run.end();
    await release('start');
    expect(code, stderr).toBe(130);
    expect(changes()).toEqual([]);
    expect(await isActive()).toBe('inactive');
  });

  it('by Ctrl-C in a terminal, npx around it: the prompt comes back when all is put back', async () => {
    await hold('start');
    const terminal = machine.terminal();
    await terminal.start(machine.npxCommand(INSTALL));
    await until('systemd to start it', { seconds: 30 }, async () => (await isActive()) === 'activating');
    await terminal.key('C-c');
    expect(await terminal.waitForExit(30)).toBe(130);
    const screen = await terminal.history();
    expect(screen).toContain('Everything was put back as it was.');
    await terminal.close();
    await release('start');
    // npx keeps what it has downloaded.
    expect(changes().filter((line) => !line.includes('/root/.npm'))).toEqual([]);
    expect(await machine.exists('/run/derp-setup.lock')).toBe(false);
  });

  it('by a terminal that is closed, though nobody can be told', async () => {
    await hold('start');
    const terminal = machine.terminal();
    await terminal.start(commandWords(INSTALL).join(' '));
    await until('systemd to start it', { seconds: 30 }, async () => (await isActive()) === 'activating');
    await terminal.close();
    await until('the machine to be as before', { seconds: 30 }, () => changes().length === 0);
    await release('start');
    await machine.shell('while [ -e /run/derp-setup.lock ]; do sleep 0.02; done', { timeout: 10 });
  });

  it('not by a reader that has seen enough', async () => {
    const words = commandWords(INSTALL).join(' ');
    const script = `( ${words}; echo $? >/run/code ) 2>&1 | head -n 1`;
    expect(await machine.shell(script, { timeout: 60 })).toMatch(/^ {2}[!…] .*\n$/);
    await machine.shell('until [ -s /run/code ]; do sleep 0.02; done', { timeout: 60 });
    expect(await machine.readFile('/run/code')).toBe('0\n');
    expect(await isActive()).toBe('active');
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(changes()).toEqual([]);
  });
});

describe('an interruption that is itself interrupted', () => {
  it('ends at once and says what is left; the next run finishes the installation', async () => {
    await hold('start');
    await hold('stop');
    const run = await background(INSTALL);
    await until('systemd to start it', { seconds: 30 }, async () => (await isActive()) === 'activating');
    await run.signal('INT');
    // systemd waits for what the unit does when it is stopped, and derp-setup for systemd.
    await run.waitFor('put back: derp-relay.service');
    await until('systemd to stop it', { seconds: 10 }, async () => (await isActive()) === 'deactivating');
    const began = Date.now();
    await run.signal('INT');
    const { code, stderr } = await run.end();
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(code, stderr).toBe(4);
    expect(stderr).toMatch(/Could not be put back: derp-relay\.service, .*\/etc\/derp-setup/);
    expect(stderr).toMatch(/Run it again to finish/);
    expect(await machine.exists('/run/derp-setup.lock')).toBe(false);
    await release('start');
    await release('stop');

    const again = await derpSetup(machine, INSTALL);
    expect(again.code, again.stderr).toBe(0);
    expect(await isActive()).toBe('active');
    expect((await derpSetup(machine, ['--yes'])).stdout).toBe('Already as described: nothing to do.\n');
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(changes()).toEqual([]);
  });
});

describe('a run that is killed', () => {
  it('after each thing that it does: the next one completes the installation, and all of it can be removed', async () => {
    const whole = await interrupted(0, INSTALL);
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    const { length } = whole.log;
    for (const after of [1, 2, Math.floor(length / 2), length]) {
      const what = whole.log[after - 1]!;
      const killed = await interrupted(after, INSTALL, 'SIGKILL');
      expect(killed.code, what).toBe(137);
      expect(await machine.exists('/run/derp-setup.lock'), what).toBe(true);
      const again = await derpSetup(machine, [...INSTALL, '--no-start']);
      expect(again.code, `${what}\n${again.stderr}`).toBe(0);
      expect(await machine.exists('/run/derp-setup.lock'), what).toBe(false);
      const removed = await derpSetup(machine, ['uninstall', '--purge', '--yes']);
      expect(removed.code, `${what}\n${removed.stderr}`).toBe(0);
      expect(changes(), what).toEqual([]);
    }
  });

  it('leaves drafts of files, which the next one clears away', async () => {
    await machine.shell(`mkdir -p /etc/derp-setup && touch /etc/derp-setup/.relay.json.0123456789ab.tmp
      mkdir -p /usr/local/lib/derp-setup/.${machine.package.version}.aB3xYz`);
    expect((await derpSetup(machine, INSTALL)).code).toBe(0);
    expect(await machine.shell('find /etc/derp-setup /usr/local/lib/derp-setup -maxdepth 1 -name ".*"')).toBe('');
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(changes()).toEqual([]);
  });
});

describe('a change of a relay that serves', () => {
  beforeAll(async () => {
    const { code, stderr } = await derpSetup(machine, INSTALL);
    expect(code, stderr).toBe(0);
  });
  const CHANGE = ['--yes', '--derp-port', '8443'];

  it('that is interrupted after each thing that it does: the old one serves as before', async () => {
    const whole = await interrupted(0, CHANGE);
    expect(whole.code, whole.stderr).toBe(0);
    expect((await derpSetup(machine, ['--yes', '--derp-port', '443'])).code).toBe(0);
    before = treeOf();
    expect(whole.log.length).toBeGreaterThan(4);
    for (let after = 1; after <= whole.log.length; after++) {
      const what = whole.log[after - 1]!;
      const { code, stderr } = await interrupted(after, CHANGE);
      expect(code, `${what}\n${stderr}`).toBe(130);
      expect(changes(), what).toEqual([]);
      await until(`port 443 after ${what}`, { seconds: 15 }, async () => (await port()) === '443');
    }
    expect((await derpSetup(machine, ['--yes'])).stdout).toBe('Already as described: nothing to do.\n');
  });

  it('that is killed after each thing that it does: the next run changes it after all', async () => {
    const { log } = await interrupted(0, CHANGE);
    const written = log.findIndex((line) => line.endsWith('/relay.json')) + 1;
    for (const after of [1, written, log.length]) {
      expect((await derpSetup(machine, ['--yes', '--derp-port', '443'])).code).toBe(0);
      const what = log[after - 1]!;
      expect((await interrupted(after, CHANGE, 'SIGKILL')).code, what).toBe(137);
      // Nobody has changed a file by hand, and nobody is said to have.
      const again = await derpSetup(machine, CHANGE);
      expect(again.code, `${what}\n${again.stderr}`).toBe(0);
      expect(await port(), what).toBe('8443');
    }
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
  });
});
