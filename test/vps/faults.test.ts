/** Machines on which it cannot work: what is said, what is exited with, and that nothing has changed on the disk. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { diffTrees, type FileTree } from './support/file-tree.ts';
import { bootMachine, type Machine, type RunOptions } from './support/machine.ts';
import { commandWords, derpSetup, notOurs, unpackPackage } from './support/unpacked.ts';

let machine: Machine;
let pristine: FileTree;
beforeAll(async () => {
  machine = await bootMachine({ name: 'faults' });
  await unpackPackage(machine);
  pristine = machine.fileTree(['/'], notOurs);
});
afterAll(() => machine.stop());

const INSTALL = ['--yes', '--deploy', 'systemd', '--verify', 'none'];

/** All but the system's own programs, which take long to read; those are looked at in the end. */
const PLACES = ['/etc', '/home', '/opt/other', '/root', '/srv', '/usr/local', '/var'];
/** What is on the disk, and on what a test has mounted besides. */
const treeOf = (mounted: readonly string[] = []): FileTree => machine.fileTree([...PLACES, ...mounted], notOurs);

/** Changes the machine for one test. */
async function meanwhile(change: string, back: string): Promise<void> {
  onTestFinished(async () => void (await machine.shell(back)));
  await machine.shell(change);
}
const readOnly = (place: string) =>
  meanwhile(`mount --bind ${place} ${place} && mount -o remount,bind,ro ${place}`, `umount ${place}`);
const small = (place: string, size: string) =>
  meanwhile(`mount -t tmpfs -o mode=755,${size} none ${place}`, `umount -l ${place}`);
const alice = () => meanwhile('useradd --create-home --shell /bin/bash alice', 'userdel --remove alice');

/** Runs it, and makes sure that the machine is to the byte what it was; gives stderr. */
async function fails(code: number, args = INSTALL, options: RunOptions & { mounted?: string[] } = {}): Promise<string> {
  const { mounted, ...runOptions } = options;
  const before = treeOf(mounted);
  const finished = await derpSetup(machine, args, runOptions);
  expect(finished.code, finished.stderr).toBe(code);
  expect(finished.stdout).toBe('');
  expect(diffTrees(before, treeOf(mounted))).toEqual([]);
  expect((await machine.run('getent', ['passwd', 'derp-relay'])).code, 'the user').toBe(2);
  expect((await machine.run('systemctl', ['cat', 'derp-relay.service'])).code, 'the unit').not.toBe(0);
  expect(await machine.exists('/run/derp-setup.lock')).toBe(false);
  return finished.stderr;
}

describe('without what it takes', () => {
  it('root', async () => {
    await alice();
    const told = await fails(2, INSTALL, { user: 'alice' });
    expect(told).toMatch(/--deploy systemd +needs root.*\n +→ run it with sudo, .*--deploy foreground/);
  });

  /** Runs it where a command has been run before in a mount namespace of its own, which the rest does not see. */
  const where = (script: string) =>
    machine.run('unshare', ['--mount', 'sh', '-euc', `${script}; exec "$@"`, 'sh', ...commandWords(INSTALL)]);

  it('systemd', async () => {
    const before = treeOf();
    for (const script of [
      'mount -t tmpfs none /run/systemd',
      // It runs, but nobody can talk to it.
      'PATH=/opt/node-24/bin:/usr/sbin; export PATH',
    ]) {
      const { code, stdout, stderr } = await where(script);
      expect({ code, stdout }, script).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/--deploy systemd +needs systemd, which does not run here\n +→ .*--deploy foreground/);
    }
    expect(diffTrees(before, treeOf())).toEqual([]);
  });

  it.each(['/etc', '/usr/local', '/var/lib'])('a %s that can be written', async (place) => {
    await readOnly(place);
    const told = await fails(1);
    expect(told).toMatch(new RegExp(`derp-setup: ${place}/\\S+ cannot be written: the file system is read-only`));
    expect(told).toContain('→ make that file system writable');
    expect(told).toMatch(/Everything was put back as it was\.\n$/);
  });

  it('the same in Chinese, with the same exit code', async () => {
    await readOnly('/etc');
    const told = await fails(1, [...INSTALL, '--lang', 'zh']);
    expect(told).toContain('/etc/derp-setup 无法写入：文件系统是只读的');
    expect(told).toContain('→ 请将该文件系统改为可写');
  });
});

describe('a full disk', () => {
  /** Puts a small disk in the place of a directory, with a copy of what is in there. */
  const onSmallDisk = async (place: string) => {
    await small('/mnt', 'size=16m');
    await meanwhile(`cp -a ${place}/. /mnt && mount --bind /mnt ${place}`, `umount -l ${place}`);
  };

  it.each([
    ['/usr/local/lib', '/usr/local/lib/derp-setup/'],
    ['/etc', '/etc/derp-setup'],
  ])('at %s is found before anything is done', async (place, path) => {
    await onSmallDisk(place);
    const fill = `free=$(df --output=avail -k ${place} | tail -1); head -c $(( (free - 500) * 1024 ))`;
    await machine.shell(`${fill} /dev/zero >${place}/filler`);
    const told = await fails(2, INSTALL, { mounted: [place] });
    expect(told).toContain(`  ${path}`);
    expect(told).toMatch(/needs [\d.]+ MB on its disk, where [\d.]+ kB are free\n +→ make room/i);
  });

  const NO_SPACE = /derp-setup: \/\S+ cannot be written: no space left on the disk\n→ make room/;

  // Room for bytes is not all that it takes: these have no room for another file.
  it.each([
    ['/usr/local/lib', 'nr_inodes=1', '/usr/local/lib/derp-setup'],
    ['/usr/local/lib', 'nr_inodes=5', '/usr/local/lib/derp-setup/0'],
    ['/usr/local/bin', 'nr_inodes=1', '/usr/local/bin/derp-setup'],
    ['/var/lib', 'nr_inodes=2', '/var/lib/derp-setup/derper.key'],
  ])('at %s (%s)', async (place, size, path) => {
    await small(place, size);
    const told = await fails(1, INSTALL, { mounted: [place] });
    expect(told).toMatch(NO_SPACE);
    expect(told).toContain(`derp-setup: ${path}`);
  });

  it('at /etc, wherever it becomes full', async () => {
    await onSmallDisk('/etc');
    const used = Number(await machine.shell('df --output=iused /etc | tail -1'));
    const failed = new Set<string>();
    for (const free of [1, 3, 6, 9, 13]) {
      await machine.shell(`mount -o remount,nr_inodes=${used + free} /mnt`);
      const told = await fails(1, INSTALL, { mounted: ['/etc'] });
      // useradd and systemctl have words of their own for it.
      expect(told, `${free} files`).toMatch(
        /derp-setup: (\/etc\S+ cannot be written: no space|useradd: |Failed to enable .*No space)/,
      );
      failed.add(/✖ (.*)/.exec(told)?.[1] ?? told);
    }
    expect([...failed].length, [...failed].join('; ')).toBeGreaterThanOrEqual(4);
  });
});

describe('somebody else’s things where ours belong', () => {
  it.each([
    ['useradd --create-home --shell /bin/bash derp-relay', 'userdel --remove derp-relay', /uid 1\d+\).*can log in/],
    ['useradd --system --user-group --shell /bin/bash derp-relay', 'userdel derp-relay', /uid \d+\).*can log in/],
    ['groupadd derp-relay', 'groupdel derp-relay', /is a group already.*\n +→ .*groupdel derp-relay/],
    [
      'useradd --system --gid daemon --shell /usr/sbin/nologin derp-relay',
      'userdel derp-relay',
      /not with a group.*\n +→ .*userdel derp-relay/,
    ],
    ['touch /etc/derp-setup', 'rm /etc/derp-setup', /a part of the path is not a directory\n +→ .*move away/],
    ['mkdir -p /etc/derp-setup/relay.json', 'rm -r /etc/derp-setup', /relay\.json +cannot be read: it is a directory/],
    ['mkdir -p /usr/local/bin/derp-setup', 'rmdir /usr/local/bin/derp-setup', /bin\/derp-setup +cannot be read: it is/],
  ])('%s', async (prepare, tidyUp, message) => {
    await meanwhile(prepare, tidyUp);
    const before = treeOf();
    const { code, stdout, stderr } = await derpSetup(machine, INSTALL);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/Nothing was changed\.\n$/);
    expect(diffTrees(before, treeOf())).toEqual([]);
  });

  it('a service’s user of that name is used, and stays when a run is taken back or the relay is removed', async () => {
    const add = 'useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin derp-relay';
    await meanwhile(add, 'userdel derp-relay');
    const unit = '/etc/systemd/system/derp-relay.service';
    await machine.shell('systemctl mask derp-relay.service');
    await machine.writeFile(`${unit}.d/fails.conf`, '[Service]\nExecStart=\nExecStart=/bin/false\n');
    const before = treeOf();
    const failed = await derpSetup(machine, INSTALL);
    expect(failed.code, failed.stderr).toBe(1);
    // The mask as well, which is a link in the place of the unit.
    expect(diffTrees(before, treeOf())).toEqual([]);
    await machine.shell(`rm -r ${unit}.d && systemctl unmask derp-relay.service && systemctl daemon-reload`);

    const unmasked = treeOf();
    expect((await derpSetup(machine, INSTALL)).code).toBe(0);
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(diffTrees(unmasked, treeOf())).toEqual([]);
  });
});

describe('a port that is taken', () => {
  const listen = (port: number) =>
    meanwhile(
      `systemd-run --quiet --unit=intruder /opt/node-24/bin/node -e 'require("net").createServer().listen(${port})'
       until ss -Hltn "sport = :${port}" | grep -q .; do sleep 0.02; done`,
      'systemctl stop intruder',
    );

  it('before, by a program that is named', async () => {
    await listen(443);
    const told = await fails(2);
    expect(told).toMatch(/--derp-port 443 +is in use by \w+ \(pid \d+\)\n +→ stop \w+, or choose another TCP port/);
  });

  it('between the plan and the yes', async () => {
    const before = treeOf();
    const terminal = machine.terminal();
    const answers = { host: machine.ipv4, cert: 'self-signed', derpPort: 443, httpPort: 80, stunPort: 3478 };
    const region = { regionId: 900, regionCode: 'myderp', regionName: 'My DERP', nodeName: '900a', home: 'default' };
    await machine.writeFile('/run/answers.json', JSON.stringify({ ...answers, ...region, verify: 'none' }));
    await terminal.start(commandWords(['--deploy', 'systemd', '--answers', '/run/answers.json']).join(' '));
    await terminal.waitFor('Go on?');
    await listen(443);
    await terminal.key('Enter');
    await terminal.waitFor(/443 +is in use by \w+/);
    expect(await terminal.waitForExit()).toBe(2);
    await terminal.close();
    expect(diffTrees(before, treeOf())).toEqual([]);
  });
});

describe('files only', () => {
  const isActive = async () => (await machine.run('systemctl', ['is-active', 'derp-relay.service'])).stdout.trim();

  it('--root writes below a directory, touches nothing else, and starts nothing', async () => {
    const before = treeOf();
    const args = ['--yes', '--deploy', 'systemd', '--verify', 'none', '--root', '/opt/other'];
    const first = await derpSetup(machine, args);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toMatch(/^Written, not started\.[\s\S]*derp-setup --yes/);
    const outside = (tree: FileTree) => new Map([...tree].filter(([path]) => !path.startsWith('/opt/other')));
    expect(diffTrees(before, outside(treeOf()))).toEqual([]);
    expect(await isActive()).toBe('inactive');
    const files = await machine.shell('cd /opt/other && find . -type f ! -path "./usr/local/lib/*" -printf "%m %P\n"');
    expect(files.trim().split('\n').sort()).toEqual([
      `600 etc/derp-setup/certs/${machine.ipv4}.key`,
      '600 var/lib/derp-setup/derper.key',
      `644 etc/derp-setup/certs/${machine.ipv4}.crt`,
      ...['config.json', 'derp-map.json', 'headscale-derp.yaml', 'installation.json', 'relay.json'].map(
        (name) => `644 etc/derp-setup/${name}`,
      ),
      ...['derp-relay.service', 'derp-setup-renew.service', 'derp-setup-renew.timer'].map(
        (name) => `644 etc/systemd/system/${name}`,
      ),
      '755 usr/local/bin/derp-setup',
    ]);
    // What the files say is true on the machine that they are for.
    expect(await machine.shell('grep -rl /opt/other /opt/other || true')).toBe('');
    const again = await derpSetup(machine, args);
    expect(again).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
  });

  it('below another root nobody needs to be root, and a mistake leaves nothing there', async () => {
    await alice();
    const args = ['--yes', '--deploy', 'systemd', '--verify', 'none', '--root', '/home/alice/image'];
    expect((await derpSetup(machine, [...args, '--derp-port', '0'], { user: 'alice' })).code).toBe(2);
    expect(await machine.exists('/home/alice/image')).toBe(false);
    expect((await derpSetup(machine, args, { user: 'alice' })).code).toBe(0);
    expect(await machine.shell('find /home/alice/image ! -user alice')).toBe('');
  });

  it('on the machine that they are for, derp-setup --yes does the rest', async () => {
    const before = treeOf();
    await machine.shell('cp -a /opt/other/. /');
    const finished = await machine.run('/usr/local/bin/derp-setup', ['--yes'], { timeout: 60 });
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stdout).toContain('The relay works');
    expect(await isActive()).toBe('active');
    expect(await machine.shell('stat -c %U /etc/derp-setup/certs/*.key')).toBe('derp-relay\n');
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(diffTrees(before, treeOf())).toEqual([]);
  });

  it('--no-start installs all of it and starts nothing; the next run does', async () => {
    const finished = await derpSetup(machine, [...INSTALL, '--no-start']);
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stdout).toMatch(/^Written, not started\./);
    expect(await isActive()).toBe('inactive');
    expect((await machine.run('systemctl', ['is-enabled', 'derp-relay.service'])).stdout).toBe('disabled\n');
    expect(await machine.shell('ss -Hltun')).toBe('');
    const { code, stdout } = await derpSetup(machine, ['--yes']);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('The relay works') });
    expect(await isActive()).toBe('active');
  });
});

/** The relay is installed by now. */
describe('an installation that was damaged', () => {
  const OVERWRITE = /relay\.json +was changed by hand.*\n +→ replace it with --overwrite/;
  const repair = (args: string[]) => derpSetup(machine, ['--yes', ...args]);

  it.each([
    ['config.json', '{"a', /config\.json +is not JSON\n +→ mend the file, or move it away/],
    ['config.json', '', /config\.json +is not JSON/],
    ['config.json', '[1]', /config\.json +does not hold a JSON object/],
    ['config.json', '{"version":99,"answers":{}}', /config\.json +was written by a newer derp-setup\n +→ use that/],
    [
      'config.json',
      '{"version":1,"answers":{"verify":"none","derpPort":"x"}}',
      /config\.json: derpPort x +is not a port/,
    ],
    ['installation.json', '{"a', /installation\.json +is damaged.*\n +→ restore it from a backup, or move it away/],
    ['installation.json', '{"manifestVersion":99}', /installation\.json +was written by a newer derp-setup/],
    ['installation.json', '{"manifestVersion":1,"files":[7]}', /installation\.json +is damaged/],
    ['relay.json', '{"a', OVERWRITE],
    ['relay.json', '', OVERWRITE],
  ])('%s that says %s', async (name, content, message) => {
    const path = `/etc/derp-setup/${name}`;
    const good = await machine.readFile(path);
    onTestFinished(() => machine.writeFile(path, good));
    await machine.writeFile(path, content);
    const before = treeOf();
    const { code, stdout, stderr } = await repair([]);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    // One mistake is one problem.
    expect(stderr).toMatch(/^derp-setup: 1 problem$/m);
    expect(diffTrees(before, treeOf())).toEqual([]);
  });

  it('is repaired as the messages say', async () => {
    const before = treeOf();
    const same = async () => expect(diffTrees(before, treeOf())).toEqual([]);
    await machine.writeFile('/etc/derp-setup/relay.json', '{"a');
    expect((await repair(['--overwrite'])).code).toBe(0);
    await same();
    await machine.shell('rm /etc/derp-setup/config.json');
    expect((await repair(['--verify', 'none'])).code).toBe(0);
    await same();
    await machine.shell('rm /etc/derp-setup/installation.json');
    expect((await repair([])).code).toBe(0);
    const files = async () => JSON.parse(await machine.readFile('/etc/derp-setup/installation.json')).files.length;
    expect(await files()).toBeGreaterThan(10);
    await machine.shell('rm -r /usr/local/lib/derp-setup/current /usr/local/bin/derp-setup');
    expect((await repair([])).code).toBe(0);
    expect((await machine.run('/usr/local/bin/derp-setup', ['status'])).code).toBe(0);
  });
});

describe('a relay that this machine cannot prove', () => {
  it('stays, with exit code 3 and what to do', async () => {
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
    await meanwhile('iptables -I INPUT -i lo -p udp --dport 3478 -j REJECT', 'iptables -F INPUT');
    const finished = await derpSetup(machine, INSTALL);
    expect(finished.code, finished.stderr).toBe(3);
    expect(finished.stderr).toMatch(/✖ STUN .*\n +→ /);
    expect(finished.stdout).toMatch(/^✖ The relay runs, but 1 check failed/);
    expect(finished.stdout).toContain('derp-setup doctor');
    expect(await machine.shell('systemctl is-active derp-relay.service')).toBe('active\n');
  });

  it('is told as one document too', async () => {
    await meanwhile('iptables -I INPUT -i lo -p tcp --dport 8443 -d 203.0.113.0/24 -j REJECT', 'iptables -F INPUT');
    const finished = await derpSetup(machine, ['--yes', '--derp-port', '8443', '--json']);
    expect(finished.code, finished.stderr).toBe(3);
    const { ok, verification } = JSON.parse(finished.stdout);
    expect({ ok, verified: verification.ok }).toEqual({ ok: false, verified: false });
    const failed = verification.checks.find(({ id }: { id: string }) => id === 'tcp');
    expect(failed).toMatchObject({ ok: false, remedy: expect.stringMatching(/\w/) });
  });
});

it('after all that, the machine is as it was booted', async () => {
  expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'])).code).toBe(0);
  await machine.shell('rm -rf /opt/other');
  expect(diffTrees(pristine, machine.fileTree(['/'], notOurs))).toEqual([]);
  expect((await machine.run('systemctl', ['is-system-running'])).stdout).toBe('running\n');
});
