import { resolve4, resolve6 } from 'node:dns/promises';
import { defaults } from '../defaults.ts';
import type { Log } from '../log.ts';

/** Keeps the addresses of a configured list of names, for clients whose own DNS is broken. */
export class BootstrapDns {
  readonly #names: readonly string[];
  readonly #log: Log;
  #addresses: Record<string, string[]> = {};
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(names: readonly string[], log: Log) {
    this.#names = names;
    this.#log = log;
  }

  /** Resolves now and at intervals. */
  start(): void {
    if (this.#names.length === 0) return;
    void this.#refresh();
    this.#timer = setInterval(() => void this.#refresh(), defaults.bootstrapDnsInterval).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Name → addresses, of the names that resolved. */
  get addresses(): Record<string, string[]> {
    return this.#addresses;
  }

  async #refresh(): Promise<void> {
    const entries = await Promise.all(
      this.#names.map(async (name): Promise<[string, string[]]> => {
        const found = await Promise.allSettled([resolve4(name), resolve6(name)]);
        const addresses = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
        // A name that does not resolve for once keeps what was known of it.
        if (addresses.length === 0) this.#log.warn('bootstrap_dns_failed', { name });
        return [name, addresses.length > 0 ? addresses : (this.#addresses[name] ?? [])];
      }),
    );
    this.#addresses = Object.fromEntries(entries.filter(([, addresses]) => addresses.length > 0));
  }
}
