/**
 * Two network namespaces without a way out: a server with a firewall of its own, and a stranger with a cable to it.
 *
 *     stranger ── 198.18.9.0/24, fd00:198:18:9::/64 ── server
 */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FirewallAccess, Opening } from '../../../src/system/firewall.ts';
import { type Finished, Program, run, until } from './programs.ts';
import { namespacePrefix, workFolder } from './settings.ts';

const helper = (name: string) => fileURLToPath(new URL(`helpers/${name}`, import.meta.url));

/** The stranger's addresses, as the server sees them. */
export const strangerAddress = { v4: '198.18.9.2', v6: 'fd00:198:18:9::2' } as const;

/** The server's addresses, as the stranger knocks at them. */
const addresses = ['198.18.9.1', 'fd00:198:18:9::1'];

let servers = 0;

/** A port as the programs here write it. */
const label = ({ protocol, port }: Opening) => `${protocol}/${port}`;

/** What `knock` gives when all of these ports answer, or none does. */
export function answered(ports: readonly Opening[], answer: boolean): Record<string, boolean> {
  return Object.fromEntries(ports.flatMap((port) => [4, 6].map((family) => [heard(port, family), answer])));
}

/** What `knock` calls a port of one family. */
export const heard = (port: Opening, family: number) => `${label(port)} by IPv${family}`;

/** A server behind a firewall. */
export class GuardedServer {
  readonly folder: string;
  readonly #name = `${namespacePrefix()}-fw${process.pid}-${++servers}`;
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #variables: Record<string, string> = {};

  constructor(label: string) {
    this.folder = join(workFolder(), `firewall-${label}`);
  }

  /** How the code under test looks at the server. */
  get access(): FirewallAccess {
    return {
      run: async (command, args) => {
        const { code, stdout, stderr } = await this.#inside([command, ...args]);
        return { code: code ?? 255, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
      },
      exists: async (path) => existsSync(path),
      outerInterface: 'eth0',
    };
  }

  /**
   * Makes the namespaces and starts a program that answers at `ports` of the server.
   * @param settings folders of /etc that programs in the server see a copy of, and may change
   */
  async open(ports: readonly Opening[], settings: readonly string[] = []): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    for (const setting of settings) {
      cpSync(join('/etc', setting), join('/etc/netns', this.#server, setting), { recursive: true });
    }
    mkdirSync(join('/etc/netns', this.#server), { recursive: true });
    for (const name of [this.#server, this.#stranger]) {
      await run(['ip', 'netns', 'add', name], { seconds: 10 });
      this.onClose(() => run(['ip', 'netns', 'delete', name], { seconds: 10 }));
      await run(['ip', '-n', name, 'link', 'set', 'lo', 'up'], { seconds: 10 });
    }
    const peer = ['peer', 'name', 'eth0', 'netns', this.#stranger];
    await run(['ip', '-n', this.#server, 'link', 'add', 'eth0', 'type', 'veth', ...peer], { seconds: 10 });
    for (const [name, end] of [
      [this.#server, 1],
      [this.#stranger, 2],
    ] as const) {
      await run(['ip', '-n', name, 'addr', 'add', `198.18.9.${end}/24`, 'dev', 'eth0'], { seconds: 10 });
      await run(['ip', '-n', name, 'addr', 'add', `fd00:198:18:9::${end}/64`, 'dev', 'eth0', 'nodad'], { seconds: 10 });
      await run(['ip', '-n', name, 'link', 'set', 'eth0', 'up'], { seconds: 10 });
    }
    const echo = this.start([process.execPath, helper('echo.mjs'), ...ports.map(label)], 'echo');
    await until('the server to listen', 20, () => echo.log().split('listening').length > ports.length);
  }

  /** Runs a program in the server; it must succeed. */
  async must(...command: string[]): Promise<string> {
    const finished = await this.#inside(command);
    if (finished.code !== 0) throw new Error(`${command.join(' ')}: ${finished.stdout}${finished.stderr}`);
    return finished.stdout;
  }

  /** Feeds lines to iptables and ip6tables; those for one of them begin with `4` or `6`. */
  async iptables(text: string): Promise<void> {
    for (const line of text.trim().split('\n')) {
      const [, only, rule = ''] = /^\s*([46]?)\s*(.*)$/.exec(line)!;
      if (only !== '6') await this.must('iptables', ...rule.split(' '));
      if (only !== '4') await this.must('ip6tables', ...rule.split(' '));
    }
  }

  /** Has nft read a text. */
  async nft(text: string): Promise<void> {
    const file = join(this.folder, 'rules.nft');
    writeFileSync(file, text);
    await this.must('nft', '-f', file);
  }

  /** Starts a program in the server, which is stopped when the server is closed. */
  start(command: readonly string[], label: string): Program {
    const log = join(this.folder, `${label}.log`);
    const program = Program.start(['ip', 'netns', 'exec', this.#server, ...command], log, this.#variables);
    this.onClose(() => program.stop());
    return program;
  }

  /** Sets a variable for every program that is run in the server from now on. */
  setVariable(name: string, value: string): void {
    this.#variables[name] = value;
  }

  /** Which of the ports answer the stranger, by IPv4 and by IPv6. */
  knock(openings: readonly Opening[]): Promise<Record<string, boolean>> {
    return this.#knock(this.#stranger, openings);
  }

  /** Which of the ports answer the server itself, by the addresses that the stranger knows. */
  knockFromWithin(openings: readonly Opening[]): Promise<Record<string, boolean>> {
    return this.#knock(this.#server, openings);
  }

  async #knock(from: string, openings: readonly Opening[]): Promise<Record<string, boolean>> {
    const ports = openings.map(label);
    const command = [process.execPath, helper('knock.mjs'), addresses.join(','), ...ports];
    const { stdout } = await run(['ip', 'netns', 'exec', from, ...command], { seconds: 30 });
    return JSON.parse(stdout) as Record<string, boolean>;
  }

  /** What to do when the server is closed. */
  onClose(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** Ends everything in the reverse of the order in which it began. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    rmSync(join('/etc/netns', this.#server), { recursive: true, force: true });
  }

  get #server(): string {
    return `${this.#name}-server`;
  }

  get #stranger(): string {
    return `${this.#name}-stranger`;
  }

  #inside(command: readonly string[]): Promise<Finished> {
    const options = { seconds: 60, env: this.#variables, accept: 'any' } as const;
    return run(['ip', 'netns', 'exec', this.#server, ...command], options);
  }
}
