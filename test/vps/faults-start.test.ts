/** Services that do not get to serve: what is said, and what was there before is there again, to the byte, and serves. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { diffTrees, type FileTree } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { commandWords, derpSetup, notOurs, program, unpackPackage } from './support/unpacked.ts';
import { until } from './support/wait.ts';

const INSTALL = ['--yes', '--deploy', 'systemd', '--verify', 'none'];
const UNIT = 'derp-relay.service';
const DROP_IN = `/etc/systemd/system/${UNIT}.d/test.conf`;
const PROGRAMS = '/usr/local/lib/derp-setup';

let machine: Machine;
let before: FileTree;
beforeAll(async () => {
  machine = await bootMachine({ name: 'faults-start' });
  await unpackPackage(machine);
});
afterAll(() => machine.stop());
beforeEach(() => {
  before = treeOf();
});

const treeOf = (): FileTree => machine.fileTree(['/etc', '/root', '/srv', '/usr/local', '/var'], notOurs);
const changes = () => diffTrees(before, treeOf());
const property = async (name: string) =>
  (await machine.shell(`systemctl show ${UNIT} --property=${name} --value`)).trim();
const uninstall = () => derpSetup(machine, ['uninstall', '--purge', '--yes']);

/** Has the unit be different for one test, as an administrator would. */
async function withDropIn(lines: string): Promise<void> {
  onTestFinished(async () => void (await machine.shell(`rm -rf ${DROP_IN} && systemctl daemon-reload`)));
  await machine.writeFile(DROP_IN, `[Service]\n${lines}\n`);
  await machine.shell('systemctl daemon-reload');
  before = treeOf();
}

describe('a first installation whose relay does not start', () => {
  it.each([
    [
      'because it is not the relay',
      'ExecStart=\nExecStart=/bin/false',
      /ended at once, with exit code 1\nIts last lines:\n[\s\S]*status=1/,
    ],
    [
      'because it may not listen',
      'AmbientCapabilities=\nCapabilityBoundingSet=',
      /exit code 2\nIts last lines:\n[\s\S]*cannot listen on 443\/tcp: permission denied/,
    ],
    [
      'because there is no such program',
      'ExecStart=\nExecStart=/nonexistent',
      /exit code 203\nIts last lines:\n[\s\S]*\/nonexistent/,
    ],
  ])('%s', async (_, lines, message) => {
    await withDropIn(lines);
    const { code, stdout, stderr } = await derpSetup(machine, INSTALL);
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/✖ start derp-relay/);
    expect(stderr).toMatch(/Everything was put back as it was\.\n$/);
    expect(changes()).toEqual([]);
    expect(await property('ActiveState')).toBe('inactive');
    expect(await machine.shell('systemctl list-units --failed --plain --no-legend')).toBe('');
  });

  it('is taken back with a copy of Node that was made for it, whatever the umask', async () => {
    onTestFinished(async () => void (await machine.shell('rm -rf /root/node')));
    await machine.installNode(24, '/root/node');
    await withDropIn('ExecStart=\nExecStart=/bin/false');
    const run = ['sh', '-c', 'umask 077; exec "$@"', 'sh', '/root/node/bin/node', program, ...INSTALL];
    const failed = await machine.run(run[0]!, run.slice(1), { node: 'none', timeout: 60 });
    expect(failed.code, failed.stderr).toBe(1);
    expect(changes()).toEqual([]);

    await machine.shell(`rm -rf ${DROP_IN} && systemctl daemon-reload`);
    const works = await machine.run(run[0]!, run.slice(1), { node: 'none', timeout: 60 });
    expect(works.code, works.stderr).toBe(0);
    expect(await machine.shell(`find ${PROGRAMS} -type d ! -perm 755`)).toBe('');
    expect(await property('ExecStart')).toContain(`${PROGRAMS}/node/24.`);
    expect((await uninstall()).code).toBe(0);
  });

  it('because somebody took its port a moment before', async () => {
    await withDropIn(`ExecStartPre=/bin/sh -c 'until [ -e /run/taken ]; do sleep 0.02; done'`);
    onTestFinished(async () => void (await machine.shell('systemctl stop intruder || true; rm -f /run/taken')));
    const script = `${commandWords(INSTALL).join(' ')} & run=$!
      until [ "$(systemctl is-active ${UNIT})" = activating ]; do sleep 0.02; done
      systemd-run --quiet --unit=intruder /opt/node-24/bin/node -e 'require("net").createServer().listen(443)'
      until ss -Hltn "sport = :443" | grep -q .; do sleep 0.02; done
      touch /run/taken; wait $run`;
    const { code, stderr } = await machine.run('sh', ['-c', script], { timeout: 60 });
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/cannot listen on 443\/tcp: /);
    expect(changes()).toEqual([]);
  });
});

describe('a relay that serves', () => {
  const config = async () => JSON.parse(await machine.readFile('/etc/derp-setup/relay.json')).listen.port;
  const serves = (port: number) =>
    until(`the relay on port ${port}`, { seconds: 20 }, async () => {
      const asked = await machine.run('curl', ['-sk', '--max-time', '2', `https://127.0.0.1:${port}/derp/probe`]);
      return asked.code === 0;
    });

  beforeAll(async () => {
    const { code, stderr } = await derpSetup(machine, INSTALL);
    expect(code, stderr).toBe(0);
  });

  it('serves again as before when a change of its port fails', async () => {
    // What the administrator has decided about ports is broken by the change, and by nothing before it.
    await withDropIn(`ExecStartPre=/bin/sh -c '! grep -q 8443 /etc/derp-setup/relay.json'`);
    await machine.shell(`systemctl restart ${UNIT}`);
    await serves(443);
    const { code, stderr } = await derpSetup(machine, ['--yes', '--derp-port', '8443']);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/Everything was put back as it was\.\n$/);
    expect(changes()).toEqual([]);
    expect(await config()).toBe(443);
    expect(await property('ActiveState')).toBe('active');
    await serves(443);
    expect((await derpSetup(machine, ['--yes'])).stdout).toBe('Already as described: nothing to do.\n');
  });

  it('lets one run at a time change it', async () => {
    onTestFinished(async () => void (await machine.shell('rm -f /run/hold')));
    await withDropIn(`ExecStartPre=/bin/sh -c 'while [ -e /run/hold ]; do sleep 0.02; done'`);
    const script = `touch /run/hold; ${commandWords(['--yes', '--derp-port', '8443']).join(' ')} >/dev/null 2>&1 & first=$!
      until [ "$(systemctl is-active ${UNIT})" = activating ]; do sleep 0.02; done
      code=0; ${commandWords(['--yes', '--derp-port', '9443']).join(' ')} || code=$?
      removed=0; ${commandWords(['uninstall', '--yes']).join(' ')} || removed=$?
      rm /run/hold; wait $first; echo "second $code, uninstall $removed, first $?, pid $first"`;
    const { stdout, stderr } = await machine.run('sh', ['-c', script], { timeout: 90 });
    const pid = /^second 1, uninstall 1, first 0, pid (\d+)\n$/.exec(stdout)?.[1];
    expect(stderr.match(/another derp-setup is at work \(pid \d+\); wait for it to end/g), stdout + stderr).toEqual([
      `another derp-setup is at work (pid ${pid}); wait for it to end`,
      `another derp-setup is at work (pid ${pid}); wait for it to end`,
    ]);
    expect(await config()).toBe(8443);
  });

  it('keeps the programs of two versions, the one in use and the one before', async () => {
    await machine.shell(`cd ${PROGRAMS} && for version in 0.0.8 0.0.9 0.0.10; do cp -a ${machine.package.version} $version; done
      mkdir -p notes node/20.1.0 node/20.2.0 && ln -sfn 0.0.9 current`);
    const names = () => machine.shell(`cd ${PROGRAMS} && ls -d -- * node/*`);
    const all = await names();
    const preview = await derpSetup(machine, ['--dry-run']);
    expect(preview.stdout).toMatch(new RegExp(`remove ${PROGRAMS}/0\\.0\\.8 and everything in it`));
    expect(preview.stdout).not.toContain(`remove ${PROGRAMS}/0.0.9`);
    expect(await names()).toBe(all);

    await withDropIn('ExecStart=\nExecStart=/bin/false');
    expect((await derpSetup(machine, ['--yes'])).code).toBe(1);
    expect(changes()).toEqual([]);
    await machine.shell(`rm -rf ${DROP_IN} && systemctl daemon-reload`);

    const { code, stderr } = await derpSetup(machine, ['--yes']);
    expect(code, stderr).toBe(0);
    const kept = ['0.0.9', machine.package.version, 'current', 'node', 'node/20.2.0', 'notes'];
    expect((await names()).trim().split('\n').sort()).toEqual(kept.sort());
    expect((await derpSetup(machine, ['--yes'])).stdout).toBe('Already as described: nothing to do.\n');
  });
});
