/**
 * The machine's hardware, so to speak: systemd-nspawn with an empty layer over a shared image, a network of its own, and a
 * console that goes to a file. It starts again when the system in it reboots, with what had been written kept.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { furtherControlGroups, makeControlGroups, removeControlGroups } from './control-groups.ts';
import { MachineNetwork, type NetworkOptions } from './network.ts';
import { namePrefix, runningFolder } from './settings.ts';

/** What a machine is made of. */
export interface ContainerOptions {
  /** The file system that it begins with. */
  image: string;
  network: NetworkOptions;
  /** It runs an engine of containers itself. */
  hasContainers: boolean;
  /** Folders of the host that it sees, read-only: where, and which. */
  mounts: Readonly<Record<string, string>>;
  /** What is written to the console. */
  consoleFile: string;
}

/** What nspawn exits with when the system has asked for a reboot. */
const rebootCode = 133;

/** The signal by which systemd shuts down and powers off: SIGRTMIN+4. */
const powerOffSignal = 38;

let containers = 0;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A system in a container, started and started again. */
export class Container {
  readonly network: MachineNetwork;
  readonly #name = `${namePrefix()}-${process.pid}-${++containers}`;
  readonly #folder = join(runningFolder(), this.#name);
  readonly #options: ContainerOptions;
  #groups: string[] = [];
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #starts = 0;
  #mayRestart = true;

  constructor(options: ContainerOptions) {
    this.#options = options;
    this.network = new MachineNetwork(this.#name, options.network);
  }

  /** How often it has been started. */
  get starts(): number {
    return this.#starts;
  }

  /** False when it was powered off, from inside or by us. */
  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it for the first time. */
  async start(): Promise<void> {
    for (const folder of ['root/usr/lib', 'changes', 'containers'])
      mkdirSync(join(this.#folder, folder), { recursive: true });
    // nspawn wants to see a system before it lays the image over this folder. It also locks it: hence one for each.
    const sign = 'usr/lib/os-release';
    copyFileSync(join(this.#options.image, sign), join(this.#folder, 'root', sign));
    await this.network.open();
    await this.#launch();
  }

  /** Powers it off, in good order if it can be had, and removes all that it was. */
  async remove(): Promise<void> {
    this.#mayRestart = false;
    // A second time round when it was just starting again.
    for (let child = this.#child; child; child = this.#child) {
      const pid = this.systemPid();
      if (pid === undefined) child.kill('SIGKILL');
      else process.kill(pid, powerOffSignal);
      const insist = setTimeout((late: ChildProcess) => late.kill('SIGKILL'), 15_000, child);
      await this.#ended.finally(() => clearTimeout(insist));
    }
    await this.#ended;
    rmSync(this.#folder, { recursive: true, force: true });
    // nspawn leaves this empty folder on hosts whose /run is on a disk.
    rmSync(`/run/systemd/nspawn/propagate/${this.#name}`, { recursive: true, force: true });
  }

  /** The process that is number 1 inside, by its number outside; undefined while there is none. */
  systemPid(): number | undefined {
    const supervisor = this.#child?.pid;
    if (supervisor === undefined) return undefined;
    const file = `/proc/${supervisor}/task/${supervisor}/children`;
    const pids = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean) : [];
    return pids.map(Number).find((pid) => nameOf(pid) === 'systemd');
  }

  async #launch(): Promise<void> {
    this.#groups = makeControlGroups(this.#name);
    const output = openSync(this.#options.consoleFile, 'a');
    // The shell goes into the control groups before it becomes nspawn.
    const enter = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"';
    const args = ['-c', enter, 'sh', ...this.#groups, '--', 'systemd-nspawn', ...this.#flags()];
    const child = spawn('sh', args, { env: { PATH: process.env.PATH }, stdio: ['ignore', output, output] });
    closeSync(output);
    running.add(child);
    this.#child = child;
    this.#starts++;
    this.#ended = new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(null));
      child.once('exit', resolve);
    }).then((code) => this.#afterwards(child, code));
    // Whoever waits for it learns of a failure; without anybody waiting it must not end the tests.
    this.#ended.catch(() => {});
  }

  /** When nspawn has ended: tidies up, and starts it again if the system has asked for that. */
  async #afterwards(child: ChildProcess, code: number | null): Promise<void> {
    running.delete(child);
    this.#child = undefined;
    const further = this.#options.hasContainers ? furtherControlGroups(this.#name) : [];
    await removeControlGroups([...this.#groups, ...further]);
    const startsAgain = code === rebootCode && this.#mayRestart;
    await (startsAgain ? this.network.renew() : this.network.close());
    if (startsAgain) await this.#launch();
  }

  /** What an engine of containers needs beside: all that root may do, and a disk that is no overlay itself. */
  #engineFlags(): string[] {
    return [
      ...['--capability=all', '--system-call-filter=@keyring bpf', `--setenv=MACHINE=${this.#name}`],
      `--bind=${join(this.#folder, 'containers')}:/var/lib/docker`,
    ];
  }

  #flags(): string[] {
    const { image, mounts, hasContainers } = this.#options;
    return [
      ...['--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe', '--link-journal=no'],
      ...['--resolv-conf=off', '--timezone=off', `--machine=${this.#name}`, '--hostname=vps'],
      ...[`--directory=${join(this.#folder, 'root')}`, `--overlay=${image}:${join(this.#folder, 'changes')}:/`],
      `--network-namespace-path=/run/netns/${this.network.namespace}`,
      // In the network of its own, as root of a rented server has it: firewalls are set up at boot.
      ...(hasContainers ? this.#engineFlags() : ['--capability=CAP_NET_ADMIN']),
      ...Object.entries(mounts).map(([inside, folder]) => `--bind-ro=${folder}:${inside}`),
    ];
  }
}

/** A process's name; empty when it has ended. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
