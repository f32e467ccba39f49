import { FileWatch, type WatchTimes } from '../../system/file-watch.ts';
import type { RelayConfig } from '../config.ts';
import type { Counters } from '../counters.ts';
import { defaults } from '../defaults.ts';
import type { Log } from '../log.ts';
import { type AddressRules, loadAddressRules, mayReach, OwnAddresses } from './address-rules.ts';

/** A connection as far as its address is concerned. */
export interface AddressedSession {
  readonly origin: { readonly address: string };
  close(): void;
}

/** What an address gate needs of its relay. */
export interface AddressGateParts {
  readonly log: Log;
  readonly counters: Counters;
  /** Those that are connected. */
  readonly sessions: ReadonlySet<AddressedSession>;
  /** When changes of the files are noticed; the defaults when absent. */
  readonly times?: Partial<WatchTimes> | undefined;
  /** Whether an address is this machine's; looked up when absent. */
  readonly isOwn?: ((address: string) => boolean) | undefined;
}

type Lists = Pick<RelayConfig, 'allowCidr' | 'denyCidr'>;

/** Which addresses may reach the relay, by lists that are read again when they change. */
export class AddressGate {
  readonly #config: Lists;
  readonly #parts: AddressGateParts;
  readonly #watch: FileWatch;
  readonly #isOwn: (address: string) => boolean;
  /** Undefined when everybody may. */
  #rules: AddressRules | undefined;
  /** One reading after the other: an older one must not replace a newer one. */
  #reading: Promise<void> = Promise.resolve();

  private constructor(config: Lists, parts: AddressGateParts, watch: FileWatch, rules: AddressRules | undefined) {
    this.#config = config;
    this.#parts = parts;
    this.#watch = watch;
    this.#rules = rules;
    const own = new OwnAddresses();
    this.#isOwn = parts.isOwn ?? ((address) => own.has(address));
  }

  /** Reads the lists. @throws RelayStartError bad-address-list */
  static async open(config: Lists, parts: AddressGateParts): Promise<AddressGate> {
    const files = [config.allowCidr, config.denyCidr].flatMap((source) => source?.files ?? []);
    const watch = new FileWatch(files, {
      settle: defaults.fileSettleTime,
      settleAtMost: defaults.fileSettleAtMost,
      poll: defaults.filePollInterval,
      ...parts.times,
    });
    const restricted = config.allowCidr !== null || config.denyCidr !== null;
    return new AddressGate(config, parts, watch, restricted ? await loadAddressRules(config) : undefined);
  }

  /** Watches the files from now on. */
  start(): void {
    if (this.#rules === undefined) return;
    this.#parts.log.info('address_lists_loaded', this.sizes);
    this.#watch.start(() => void this.reload().catch(() => {}));
  }

  stop(): void {
    this.#watch.close();
  }

  /**
   * Whether connections and datagrams from `address` are taken. Those of the machine itself always are, by whatever
   * address of its own: that is how it proves and watches its relay, and nobody else can come from there.
   */
  admits(address: string): boolean {
    return this.#rules === undefined || mayReach(this.#rules, address) || this.#isOwn(address);
  }

  /**
   * Reads the lists again, and disconnects clients whose address is kept out now.
   * @throws RelayStartError bad-address-list; the old lists stay in use, all of them
   */
  reload(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#read());
    return this.#reading;
  }

  async #read(): Promise<void> {
    if (this.#rules === undefined) return;
    const { log, counters, sessions } = this.#parts;
    try {
      this.#rules = await loadAddressRules(this.#config);
    } catch (error) {
      log.error('address_lists_not_reloaded', { problem: (error as Error).message });
      throw error;
    }
    let removed = 0;
    for (const session of [...sessions]) {
      if (this.admits(session.origin.address)) continue;
      removed++;
      session.close();
    }
    counters.addressRemovals += removed;
    log.info('address_lists_reloaded', { ...this.sizes, clients_removed: removed });
  }

  /** How many ranges each list has; null for a list that there is none of. */
  get sizes(): { allow: number | null; deny: number | null } {
    return { allow: this.#rules?.allow?.ranges ?? null, deny: this.#rules?.deny?.ranges ?? null };
  }
}
