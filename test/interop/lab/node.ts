/** A tailscaled and its command line, in one of the lab's namespaces. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Headscale } from './headscale.ts';
import type { Identity } from './identity.ts';
import type { Network, Place } from './network.ts';
import { type Finished, type Program, until } from './programs.ts';
import { tool } from './settings.ts';

/** What `tailscale debug derp` reports. */
export interface DerpReport {
  readonly Info: readonly string[] | null;
  readonly Warnings: readonly string[] | null;
  readonly Errors: readonly string[] | null;
}

/** Where each node's SOCKS proxy into the tailnet listens. */
const proxy = '127.0.0.1:1055';

/** A node of the tailnet. */
export class TailnetNode {
  readonly place: Place;
  readonly #network: Network;
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #state: 'forgotten' | 'kept';
  #program: Program | undefined;

  /**
   * @param environment more than what every node has in its environment
   * @param state whether it is still in the tailnet after it was stopped and started again
   */
  constructor(
    place: Place,
    network: Network,
    identity: Identity,
    folder: string,
    environment: Readonly<Record<string, string>> = {},
    state: 'forgotten' | 'kept' = 'forgotten',
  ) {
    this.#state = state;
    this.place = place;
    this.#network = network;
    this.#folder = join(folder, place);
    this.#environment = {
      ...identity.clientEnvironment,
      TS_NO_LOGS_NO_SUPPORT: 'true',
      TS_DEBUG_ALWAYS_USE_DERP: '1',
      HOME: this.#folder,
      ...environment,
    };
  }

  get logFile(): string {
    return join(this.#folder, `tailscaled-${this.place}.log`);
  }

  /** All that tailscaled has printed so far. */
  log(): string {
    return this.#program?.log() ?? '';
  }

  /** Starts tailscaled and logs in. */
  async join(control: Headscale, authKey: string): Promise<void> {
    await this.start();
    const names = [`--login-server=${control.url}`, `--hostname=${this.place}`, '--accept-dns=false'];
    const up = await this.tailscale('up', `--auth-key=${authKey}`, ...names, '--timeout=40s');
    if (up.code !== 0) throw new Error(`${this.place} could not log in: ${up.stdout}${up.stderr}`);
  }

  /** Starts tailscaled in userspace mode: it touches neither routes nor DNS. One whose state is kept is what it was before. */
  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const memory = this.#state === 'kept' ? [] : ['--state=mem:'];
    const state = [...memory, `--statedir=${this.#folder}`, `--socket=${this.socket}`];
    const command = [
      tool('tailscaled'),
      '--verbose=1',
      '--tun=userspace-networking',
      ...state,
      `--socks5-server=${proxy}`,
    ];
    const program = this.#network.start(this.place, command, this.logFile, this.#environment);
    this.#program = program;
    await until(`tailscaled on ${this.place} to answer`, 20, async () => {
      if (program.exit !== undefined) throw new Error(`it ended: ${program.exit}`);
      return (await this.tailscale('status', '--json')).code === 0;
    });
  }

  /** Runs a `tailscale` command against this node, whatever its exit code. */
  tailscale(...args: string[]): Promise<Finished> {
    const command = [tool('tailscale'), `--socket=${this.socket}`, ...args];
    return this.#network.run(this.place, command, { seconds: 60, env: this.#environment, accept: 'any' });
  }

  /** This node's address in the tailnet. */
  async address(): Promise<string> {
    return (await this.tailscale('ip', '-4')).stdout.trim();
  }

  /** Waits until this node has heard of another. */
  async waitForPeer(other: TailnetNode): Promise<void> {
    const address = await other.address();
    await until(`${this.place} to know ${other.place}`, 30, async () => {
      const { stdout } = await this.tailscale('status', '--json');
      return /\d/.test(address) && stdout.includes(`"${address}"`);
    });
  }

  /** `tailscale ping` by address, so many times, each answered or not within two seconds. */
  ping(address: string, times: number): Promise<Finished> {
    return this.tailscale('ping', '-c', String(times), '--timeout', '2s', '--until-direct=false', address);
  }

  /** Whether a ping through WireGuard comes back within half a second; says so at once, unlike `ping`. */
  async reaches(address: string): Promise<boolean> {
    const { stdout } = await this.tailscale('ping', '--tsmp', '-c', '1', '--timeout', '500ms', address);
    return stdout.includes('pong from ');
  }

  /** `tailscale debug derp` for a region. */
  async debugDerp(region: number): Promise<DerpReport> {
    const { stdout, stderr } = await this.tailscale('debug', 'derp', String(region));
    if (!stdout.trim().startsWith('{')) throw new Error(`tailscale debug derp printed: ${stdout}${stderr}`);
    return JSON.parse(stdout) as DerpReport;
  }

  /** Fetches a file over HTTP through the tailnet, by tailscaled's proxy. */
  async download(url: string, toFile: string, seconds: number): Promise<void> {
    const command = ['curl', '-sSf', '--socks5-hostname', proxy, '--max-time', String(seconds), '-o', toFile, url];
    await this.#network.run(this.place, command, { seconds: seconds + 5 });
  }

  /** Has tailscaled do nothing at all for a while; its connections stay open. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  /** Has it go on. */
  resume(): void {
    this.#signal('SIGCONT');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#program?.stop(signal);
  }

  /** Where its local API is. */
  get socket(): string {
    return join(this.#folder, 'tailscaled.sock');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#program) process.kill(this.#program.pid, signal);
  }
}
