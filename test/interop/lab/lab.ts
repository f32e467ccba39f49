/** One relay in a network of its own, with what it takes to say in a failure what the programs had printed. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Identity } from './identity.ts';
import { Network, relayAddress } from './network.ts';
import type { Program } from './programs.ts';
import { Relay } from './relay.ts';
import { type ServerKind, workFolder } from './settings.ts';

/** The name that leads to the relay in every lab. */
export const relayName = 'derp.lab.test';

const tailLines = 25;

/** A relay in namespaces without a way out. */
export class Lab {
  readonly kind: ServerKind;
  /** Where this lab's logs, keys and sockets are. */
  readonly folder: string;
  readonly network = new Network({ [relayName]: [relayAddress.v4, relayAddress.v6] });
  readonly #logFiles = new Set<string>();
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #relayFlags: (folder: string) => readonly string[];
  #relay: Relay | undefined;

  /**
   * @param label what this lab is for, in the name of its folder
   * @param relayFlags more flags for the relay, which may name files in the lab's folder
   */
  constructor(kind: ServerKind, label: string, relayFlags: (folder: string) => readonly string[] = () => []) {
    this.kind = kind;
    this.folder = join(workFolder(), `${kind}-${label}`);
    this.#relayFlags = relayFlags;
  }

  /** Makes the network and starts the relay in it. */
  async open(makeIdentity: (folder: string) => Promise<Identity>): Promise<Identity> {
    mkdirSync(this.folder, { recursive: true });
    this.onClose(() => this.network.close());
    await this.network.open();
    const identity = await makeIdentity(join(this.folder, 'certificates'));
    this.#relay = new Relay(this.kind, this.network, identity, this.folder, this.#relayFlags(this.folder));
    this.watch(this.#relay);
    this.onClose(() => this.relay.stop());
    await this.relay.start();
    return identity;
  }

  /** Ends everything in the reverse of the order in which it began, whatever failed. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw new AggregateError(errors, `could not clean up: ${errors.map(String).join('; ')}`);
  }

  /** What to do when the lab is closed. */
  onClose(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** Keeps a program's log among those that a failure shows. */
  watch(program: { readonly logFile: string }): void {
    this.#logFiles.add(program.logFile);
  }

  /** Keeps a program's log, and stops the program when the lab is closed. */
  keep(program: Program): Program {
    this.watch(program);
    this.onClose(() => program.stop());
    return program;
  }

  get relay(): Relay {
    if (!this.#relay) throw new Error('the lab is not open');
    return this.#relay;
  }

  /** A test or hook whose failure tells the last lines of every program's log. */
  explained(body: () => Promise<void>): () => Promise<void> {
    return async () => {
      try {
        await body();
      } catch (error) {
        if (error instanceof Error) error.message += this.#tails();
        throw error;
      }
    };
  }

  #tails(): string {
    const tails = [...this.#logFiles].filter(existsSync).map((file) => {
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
      return `\n\n--- the end of ${file} ---\n${lines.slice(-tailLines).join('\n')}`;
    });
    return tails.join('');
  }
}
