/**
 * A rented server, freshly installed and booted: Debian 12 with real systemd in a container of its own. A test file boots
 * one (in less than a second), does to it what a person would, looks, reboots it, and throws it away.
 *
 *     beforeAll(async () => { machine = await bootMachine({ name: 'wizard' }); });
 *     afterAll(() => machine.stop());
 *
 * When a test has failed, the run's folder has the machine's console, its journal, every program run on it with its
 * output, and the terminals' transcripts.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { describeRun, type Finished, runOnHost } from './commands.ts';
import { Container } from './container.ts';
import { type FileTree, readTree, volatilePaths } from './file-tree.ts';
import { commandInside, type NodeInPath, quote, type RunOptions, timeoutCode } from './login.ts';
import type { NetworkOptions } from './network.ts';
import { type PackedPackage, packageFolder, packProject } from './package.ts';
import {
  composeFolder,
  dockerFolder,
  type Image,
  imageFolder,
  type NodeMajor,
  nodeMajors,
  runtimeFolder,
  toolsFolder,
  workFolder,
} from './settings.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';
import { until } from './wait.ts';

export type { NodeInPath, RunOptions } from './login.ts';

/** What machine to boot. */
export interface MachineOptions {
  /** What it is called in the logs; its host name is vps. */
  name: string;
  /** @default 'bare', a small Debian without nginx */
  image?: Image;
  /** The Node that its PATH leads to. @default 24 */
  node?: NodeInPath;
  /** @default one public-looking IPv4 address */
  network?: NetworkOptions;
}

/** Boots a machine; it is ready when systemd has started everything. */
export async function bootMachine(options: MachineOptions): Promise<Machine> {
  const machine = new Machine(options, await packProject());
  try {
    await machine.start();
  } catch (error) {
    await machine.stop();
    throw error;
  }
  return machine;
}

const running = new Set<Machine>();

afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const machine of running) await machine.keepEvidence(`"${task.name}" failed`);
});

/** A booted machine. Made by {@link bootMachine}. */
export class Machine {
  readonly name: string;
  /** The package under test, which the machine has in /opt/package. */
  readonly package: PackedPackage;
  /** Where its logs are. */
  readonly folder: string;
  readonly #node: NodeInPath;
  readonly #container: Container;
  readonly #consoleFile: string;
  readonly #terminals: Terminal[] = [];

  constructor({ name, image = 'bare', node = 24, network = {} }: MachineOptions, packed: PackedPackage) {
    this.name = name;
    this.package = packed;
    this.folder = join(workFolder(), name);
    this.#consoleFile = join(this.folder, 'console.log');
    this.#node = node;
    mkdirSync(this.folder, { recursive: true });
    const runtimes = nodeMajors.map((major) => [`/opt/node-${major}`, runtimeFolder(major)]);
    this.#container = new Container({
      image: imageFolder(image),
      network,
      hasContainers: image === 'docker',
      mounts: {
        ...Object.fromEntries(runtimes),
        '/opt/package': packageFolder(),
        '/opt/tailscale': toolsFolder(),
        ...(image === 'docker' && { '/opt/docker': dockerFolder(), '/opt/compose': composeFolder() }),
      },
      consoleFile: this.#consoleFile,
    });
  }

  /** Its IPv4 address, by which the tests reach it too. */
  get ipv4(): string {
    return this.#container.network.ipv4;
  }

  /** Its IPv6 address, if it has one besides the link's. */
  get ipv6(): string | undefined {
    return this.#container.network.ipv6;
  }

  /** The addresses under which the machine reaches what a test listens on. */
  get host(): { readonly ipv4: string; readonly ipv6: string | undefined } {
    return this.#container.network.host;
  }

  /** False when it is powered off. */
  get isRunning(): boolean {
    return this.#container.isRunning;
  }

  /** How often it has booted. */
  get boots(): number {
    return this.#container.starts;
  }

  /** Boots it for the first time; what {@link bootMachine} is for. */
  async start(): Promise<void> {
    running.add(this);
    await this.#container.start();
    await this.#untilBooted();
  }

  /** Reboots it as its administrator would, and waits until it is up again. What was written is kept. */
  async reboot(): Promise<void> {
    const before = this.boots;
    // The answer is lost as often as not, with the connection to systemd.
    await this.run('systemctl', ['reboot']);
    await until(`${this.name} to go down and start again`, { seconds: 60 }, () => this.boots > before);
    await this.#untilBooted();
  }

  /** Powers it off and removes it; its logs stay until the run is over. */
  async stop(): Promise<void> {
    running.delete(this);
    if (this.isRunning) await this.keepEvidence('the machine is stopped').catch(() => {});
    if (this.isRunning) for (const terminal of this.#terminals) await terminal.close().catch(() => {});
    await this.#container.remove();
  }

  /** Runs a program to its end. An exit code other than 0 is an answer; taking too long is an error. */
  async run(program: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    const finished = await this.#execute([program, ...args], options);
    this.#log(describeRun([program, ...args], finished));
    return finished;
  }

  /** Runs a script of sh that must succeed, and gives what it wrote to standard output. */
  async shell(script: string, options: RunOptions = {}): Promise<string> {
    const finished = await this.run('sh', ['-euc', script], options);
    if (finished.code !== 0) throw new Error(describeRun(['sh', '-euc', script], finished));
    return finished.stdout;
  }

  /**
   * Runs derp-setup from its package by npx, with 60 seconds of time.
   * @param file another package, by its path below /opt/package
   */
  async npx(args: readonly string[], options: RunOptions = {}, file?: string): Promise<Finished> {
    return await this.run('npx', this.#npxArguments(args, file), { timeout: 60, ...options });
  }

  /** The command line that runs derp-setup from its package by npx, to type in a terminal. */
  npxCommand(args: readonly string[], file?: string): string {
    return ['npx', ...this.#npxArguments(args, file).map(quote)].join(' ');
  }

  /** Copies a Node with its npm to a folder, for example that of a version manager in a home: `/root/.nvm/…/v24.21.0`. */
  async installNode(major: NodeMajor, folder: string): Promise<void> {
    await this.shell(`mkdir -p ${quote(folder)} && cp -a /opt/node-${major}/. ${quote(folder)}`);
  }

  /** A text file's content. */
  async readFile(path: string): Promise<string> {
    return await this.shell(`cat -- ${quote(path)}`);
  }

  /** Writes a file of root's, and the directories that it needs. */
  async writeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const file = quote(path);
    const script = `mkdir -p -- "$(dirname -- ${file})" && cat >${file} && chmod ${mode.toString(8)} -- ${file}`;
    await this.shell(script, { input: content });
  }

  /** Whether something is at a path, even a link that leads nowhere. */
  async exists(path: string): Promise<boolean> {
    return (await this.run('sh', ['-c', '[ -e "$1" ] || [ -L "$1" ]', 'sh', path])).code === 0;
  }

  /**
   * All files, directories and links with their owners, modes and contents; see `diffTrees`.
   * @param places absolute paths; by default the whole disk
   * @param except left out besides what a running system writes by itself
   */
  fileTree(places: readonly string[] = ['/'], except: readonly string[] = []): FileTree {
    return readTree(`/proc/${this.#systemPid()}/root`, places, [...volatilePaths, ...except]);
  }

  /** A terminal, in which a program is started next. Its transcript is `terminal-<number>.log` in the machine's folder. */
  terminal(options: TerminalOptions = {}): Terminal {
    const name = `terminal-${this.#terminals.length + 1}`;
    const { columns, rows, ...runOptions } = options;
    const size = { ...(columns && { columns }), ...(rows && { rows }) };
    const run = (command: readonly string[]) =>
      this.#execute(command, { ...runOptions, env: { TERM: 'xterm-256color', ...options.env } });
    const terminal = new Terminal({ name, transcriptFile: join(this.folder, `${name}.log`), ...size }, run);
    this.#terminals.push(terminal);
    return terminal;
  }

  /** Saves what tells why a test has failed. */
  async keepEvidence(reason: string): Promise<void> {
    this.#log(`--- ${reason} ---`);
    if (!this.isRunning) return;
    for (const terminal of this.#terminals) await terminal.keepEvidence().catch((error) => this.#log(String(error)));
    await this.run('systemctl', ['--no-pager', 'list-units', '--failed']);
    await this.run('ps', ['axfww']);
    const journal = await this.run('journalctl', ['--no-pager', '--output=short-precise']);
    writeFileSync(join(this.folder, 'journal.log'), journal.stdout);
  }

  async #untilBooted(): Promise<void> {
    const isFinal = () => !this.isRunning;
    await until(`${this.name} to boot`, { seconds: 60, isFinal }, async () => {
      const { stdout } = await this.#execute(['systemctl', 'is-system-running'], {});
      return ['running', 'degraded'].includes(stdout.trim());
    }).catch((error: Error) => {
      const console = readFileSync(this.#consoleFile, 'utf8').split('\n').slice(-20).join('\n');
      throw new Error(`${this.name} did not boot: ${error.message}\n--- its console ---\n${console}`);
    });
  }

  #npxArguments(args: readonly string[], file = this.package.file): string[] {
    return ['--yes', '--package', `file:/opt/package/${file}`, 'derp-setup', ...args];
  }

  /** Runs a program without a note of it in the logs. */
  async #execute(command: readonly string[], options: RunOptions): Promise<Finished> {
    const decided = { timeout: 30, node: this.#node, ...options };
    const { input, timeout } = decided;
    const inside = commandInside(this.#systemPid(), command, decided);
    const finished = await runOnHost(inside, { timeout: timeout + 5, ...(input !== undefined && { input }) });
    if (finished.code === timeoutCode)
      throw new Error(`took more than ${timeout} s: ${describeRun(command, finished)}`);
    return finished;
  }

  #systemPid(): number {
    const pid = this.#container.systemPid();
    if (pid === undefined) throw new Error(`the machine "${this.name}" is not running`);
    return pid;
  }

  #log(text: string): void {
    appendFileSync(join(this.folder, 'commands.log'), `${new Date().toISOString()} ${text}\n\n`);
  }
}
