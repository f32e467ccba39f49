/** The server under test. Ours takes derper's flags, so the two are started alike. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Identity } from './identity.ts';
import type { Network } from './network.ts';
import { type Program, until } from './programs.ts';
import { type ServerKind, tool, topFolder } from './settings.ts';

/** What our relay's /debug/vars must tell at least. */
export interface RelayVars {
  readonly clients: number;
  readonly logins: { readonly fast_start: number; readonly upgrade: number; readonly websocket: number };
  readonly packets_dropped: Readonly<Record<string, unknown>>;
  readonly client_rate: { readonly bytes_per_second: number; readonly burst_bytes: number };
  readonly rate_pauses: number;
}

/** A relay in the lab's srv namespace, on the ports that clients expect: 443, 80 and 3478. */
export class Relay {
  readonly kind: ServerKind;
  readonly #network: Network;
  readonly #identity: Identity;
  readonly #folder: string;
  readonly #moreFlags: readonly string[];
  #program: Program | undefined;
  /** Where in the log file the present run begins. */
  #logStart = 0;

  /** @param moreFlags flags beyond those that every relay of the lab has */
  constructor(
    kind: ServerKind,
    network: Network,
    identity: Identity,
    folder: string,
    moreFlags: readonly string[] = [],
  ) {
    this.kind = kind;
    this.#network = network;
    this.#identity = identity;
    this.#folder = folder;
    this.#moreFlags = moreFlags;
  }

  /** The file with everything the relay printed, over all its starts. */
  get logFile(): string {
    return join(this.#folder, 'relay.log');
  }

  /** Starts the relay and waits until it answers. The server's key is kept from one start to the next. */
  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    this.#logStart = this.#wholeLog().length;
    const program = this.#network.start('srv', [...this.#executable(), ...this.#flags()], this.logFile);
    this.#program = program;
    await until('the relay to answer', 20, async () => {
      if (program.exit !== undefined) throw new Error(`it ended: ${program.exit}`);
      await this.#get('/derp/probe');
      return true;
    });
  }

  /** Stops the relay as an operator would, by SIGTERM, and gives how it ended; after ten seconds it is killed. */
  async stop(): Promise<string | undefined> {
    const program = this.#program;
    this.#program = undefined;
    await program?.stop('SIGTERM', 10);
    return program?.exit;
  }

  /** Asks our relay to read its files again, as a service manager would. */
  reload(): void {
    if (this.#program) process.kill(this.#program.pid, 'SIGHUP');
  }

  /** What our relay has logged under a name since it was started last. */
  logged(event: string): Record<string, unknown>[] {
    const lines = this.#wholeLog().slice(this.#logStart).split('\n');
    const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    return entries.filter((entry) => entry.event === event);
  }

  /** Our relay's counters; derper's are others. */
  async vars(): Promise<RelayVars> {
    return JSON.parse(await this.#get('/debug/vars')) as RelayVars;
  }

  #wholeLog(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  #executable(): string[] {
    return this.kind === 'derper' ? [tool('derper')] : [process.execPath, join(topFolder, 'bin/derp-relay.cjs')];
  }

  #flags(): string[] {
    const { host, certificates } = this.#identity;
    const key = join(this.#folder, 'derper.key');
    const ports = ['-a', ':443', '-http-port', '80', '-stun-port', '3478'];
    const manual = ['-certmode', 'manual', '-certdir', certificates, '-hostname', host];
    return ['-c', key, ...ports, ...manual, ...this.#moreFlags];
  }

  /** Asks over srv's loopback, which is where /debug is answered. */
  async #get(path: string): Promise<string> {
    const curl = ['curl', '-sSfk', '--max-time', '5', '--connect-to', '::127.0.0.1:443'];
    const { stdout } = await this.#network.run('srv', [...curl, `https://${this.#identity.host}${path}`], {
      seconds: 8,
    });
    return stdout;
  }
}
