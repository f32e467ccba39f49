import { type BlockList, isIPv6 } from 'node:net';
import { formatIpAddress, parseIpAddress } from '../../protocol/ip-address.ts';
import { unmapAddress } from './endpoint.ts';
import { addressList } from './proxy-front.ts';

/** Headers of a request, in lower case. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A chain of more proxies than fit in here is none that anybody runs. */
const MAX_CHARACTERS = 1024;

/** An entry such as `203.0.113.7`, `203.0.113.7:5555`, `2001:db8::7` or `[2001:db8::7]:5555`; undefined for other texts. */
function addressIn(entry: string): string | undefined {
  const text = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry;
  const bytes = parseIpAddress(text);
  return bytes === undefined ? undefined : unmapAddress(formatIpAddress(bytes));
}

const textOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(',') : value);

/**
 * For whom an HTTP proxy speaks that ends TLS before the relay: it says so with each request. Only proxies that are named
 * are believed; of what their clients have said themselves nothing is.
 */
export class ForwardedClients {
  readonly #trusted: BlockList;

  /** @param trusted addresses and ranges of the proxies. @throws RangeError naming an entry that is neither */
  constructor(trusted: readonly string[]) {
    this.#trusted = addressList(trusted);
  }

  /** Whether an address is one of the proxies. */
  trusts(address: string): boolean {
    return this.#trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /**
   * The client that a proxy's request names; undefined where it names none, or two: then one of the headers is the
   * client's own.
   */
  clientIn(headers: Headers): string | undefined {
    const [chain, single] = [textOf(headers['x-forwarded-for']), textOf(headers['x-real-ip'])];
    if ((chain ?? '').length > MAX_CHARACTERS || (single ?? '').length > MAX_CHARACTERS) return undefined;
    const real = single === undefined ? undefined : addressIn(single.trim());
    if (single !== undefined && real === undefined) return undefined;
    if (chain === undefined) return real;
    const last = this.#lastStranger(chain);
    if (last === undefined || real === undefined) return last;
    return real === last || this.trusts(real) ? last : undefined;
  }

  /** Each proxy adds whom it was asked by on the right: the first from there that is no proxy of ours. */
  #lastStranger(chain: string): string | undefined {
    let farthest: string | undefined;
    for (const entry of chain.split(',').reverse()) {
      const address = addressIn(entry.trim());
      if (address === undefined) return undefined;
      if (!this.trusts(address)) return address;
      farthest = address;
    }
    return farthest;
  }
}
