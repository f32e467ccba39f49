// What the suite `docker` has beside booted machines: a Debian with Docker, an image for the relay's container, and the
// second generation of Compose, which Debian 12 does not bring. Made once, into the cache outside the repository.
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bare, makeImage, prepareMachines } from './real-machines.mjs';
import { allMade, buildTools, makeOnce, run, say } from './real-programs.mjs';

/** Debian's Docker, and the first generation of Compose. */
const machine = [...bare, 'docker.io', 'docker-compose'];

/** The release of Node in the image. */
const major = 24;

export const composeModules = ['test/docker/compose'];

/** Raise it when the functions below change what they make. */
const recipeVersion = 1;

/**
 * nspawn gives a machine the control groups of the old kind, and the settings of its network, for reading only, which is
 * too little for an engine of containers. What it makes of groups goes below one of the machine's own, by whose name it
 * is removed.
 */
const kernel = `[Unit]
Description=What containers on this machine need of its kernel
DefaultDependencies=no
Before=containerd.service docker.service

[Service]
Type=oneshot
PassEnvironment=MACHINE
ExecStart=/bin/sh -euc 'mount --bind /proc/sys/net /proc/sys/net; mount -o remount,bind,rw /proc/sys/net'
ExecStart=/bin/sh -euc 'for group in $$(findmnt -rnt cgroup -o TARGET); do mount -o remount,bind,rw "$$group"; done'
ExecStart=/bin/sh -euc '[ -e /sys/fs/cgroup/cgroup.controllers ] || echo DOCKER_OPTS=--cgroup-parent=/$$MACHINE >/etc/default/docker'

[Install]
WantedBy=sysinit.target
`;

/**
 * Gives the folder: `machine` is a file system, `node.tar` that of a container, to be imported as the image that the
 * relay runs in.
 */
export async function prepareDocker() {
  const recipe = JSON.stringify([recipeVersion, process.arch, machine, major, kernel]);
  const machines = await prepareMachines();
  return await makeOnce('docker', recipe, async (folder, ready) => {
    say(`making a Debian with Docker and an image of Node into ${ready} (a minute, once)`);
    await allMade([makeMachine(join(folder, 'machine')), makeNodeImage(folder, machines)]);
  });
}

async function makeMachine(root) {
  await makeImage(root, machine);
  const unit = 'containers-kernel.service';
  const units = join(root, 'etc/systemd/system');
  writeFileSync(join(units, unit), kernel);
  mkdirSync(join(units, 'sysinit.target.wants'), { recursive: true });
  symlinkSync(`../${unit}`, join(units, 'sysinit.target.wants', unit));
}

/** As Node's makers publish it: Debian with next to nothing, and Node. */
async function makeNodeImage(folder, machines) {
  const root = join(folder, 'node');
  await makeImage(root, ['libstdc++6', 'libatomic1', 'ca-certificates']);
  cpSync(join(machines, `node-${major}/bin/node`), join(root, 'usr/local/bin/node'));
  await run('tar', ['--create', `--file=${join(folder, 'node.tar')}`, `--directory=${root}`, '.']);
  rmSync(root, { recursive: true });
}

/** The folder with Compose, whose program is called `cmd` as its package is. */
export function prepareCompose() {
  return buildTools('docker', composeModules, 'fsnotify');
}
