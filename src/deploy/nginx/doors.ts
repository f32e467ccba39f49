/** The addresses on which websites are served on a shared port, and where they are served instead. */
import type { Listen } from './listen.ts';

/** One public address with the port, and the loopback address that takes its place for the sites. */
export interface Door {
  /** `0.0.0.0` and `::` are all addresses of their family. */
  address: string;
  /**
   * Each door has one of its own, because each has a default site of its own. All are IPv4: connections to them leave
   * from 127.0.0.2.
   */
  inner: string;
  /** What belongs to the public socket: `backlog=…`, `ipv6only=off` … */
  options: readonly string[];
}

const EVERY_IPV4 = '0.0.0.0';
const EVERY_IPV6 = '::';

/** 127.0.0.1 and 127.0.0.2 have their own use. */
const FIRST_OF_SPECIFIC = 11;

/** Options of the socket that stay with the public address. */
const OUTER_OPTIONS = /^(?:backlog|rcvbuf|sndbuf|so_keepalive|ipv6only)=|^reuseport$/;
/** Options of the socket that mean nothing on a loopback address, or that `stream` does not have in every version. */
const LOST_OPTIONS = /^(?:fastopen|setfib|accept_filter)=|^(?:deferred|bind)$/;

/** The doors that these directives open. */
export function doorsOf(listens: readonly Listen[]): Door[] {
  const options = new Map<string, Set<string>>();
  for (const { address, options: words } of listens) {
    const known = options.get(address) ?? new Set();
    for (const word of words) if (OUTER_OPTIONS.test(word)) known.add(word);
    options.set(address, known);
  }
  const addresses = [...options.keys()].sort();
  const specific = addresses.filter((address) => address !== EVERY_IPV4 && address !== EVERY_IPV6);
  const inner = (address: string) => {
    if (address === EVERY_IPV4) return '127.0.0.1';
    return address === EVERY_IPV6 ? '127.0.0.6' : `127.0.0.${FIRST_OF_SPECIFIC + specific.indexOf(address)}`;
  };
  return addresses.map((address) => ({ address, inner: inner(address), options: [...options.get(address)!] }));
}

/** The options that a site's own `listen` keeps. */
export function innerOptions(options: readonly string[]): string[] {
  return options.filter((word) => !OUTER_OPTIONS.test(word) && !LOST_OPTIONS.test(word));
}

/** Where this machine itself knocks at a door. */
export function knockAddress(address: string): string {
  if (address === EVERY_IPV4) return '127.0.0.1';
  return address === EVERY_IPV6 ? '::1' : address;
}
