/** How many connections may be open at once: in all, from one address, and from one address without a login. */
import { parseIpAddress } from '../../protocol/ip-address.ts';
import { openFilesLimit } from '../../system/open-files.ts';
import { defaults } from '../defaults.ts';

/** Null for no limit. */
export interface ConnectionLimitNumbers {
  readonly total: number | null;
  readonly perAddress: number | null;
  /** Connections that have not logged in yet: half-open ones, scanners, and pages that are read. */
  readonly waitingPerAddress: number | null;
}

/** Which limit a connection would break. */
export type ExceededLimit = 'total' | 'address' | 'waiting';

interface Count {
  open: number;
  waiting: number;
}

/** A connection that is counted. */
export interface CountedConnection {
  /** It has logged in. May be called more than once. */
  loggedIn(): void;
  /** It is closed. May be called more than once. */
  closed(): void;
}

const IPV6_NETWORK_BYTES = 8;

/** What connections are counted by: an IPv4 address, or an IPv6 /64, which is what one host usually has. */
function counterOf(address: string): string {
  const bytes = parseIpAddress(address);
  return bytes === undefined ? address : bytes.toString('latin1', 0, Math.min(bytes.length, IPV6_NETWORK_BYTES));
}

/** Whether a connection comes from this machine itself: from a proxy that stands for many, or from a check. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** The limits, with as many connections in all as the system lets this process have, less a few files to spare. */
export async function withSpareFiles(limits: ConnectionLimitNumbers): Promise<ConnectionLimitNumbers> {
  const files = await openFilesLimit(process.pid);
  if (files === undefined) return limits;
  const most = Math.max(1, files - defaults.spareFiles);
  return { ...limits, total: Math.min(limits.total ?? most, most) };
}

/** Counts open connections. Those of this machine itself count in all, but not by their address. */
export class ConnectionLimits {
  readonly #limits: ConnectionLimitNumbers;
  readonly #counts = new Map<string, Count>();
  #open = 0;

  constructor(limits: ConnectionLimitNumbers) {
    this.#limits = limits;
  }

  /** How many are open. */
  get open(): number {
    return this.#open;
  }

  /** How many addresses they come from. */
  get addresses(): number {
    return this.#counts.size;
  }

  /** Counts a connection from an address, or says which limit it would break; then it is not counted. */
  admit(address: string): CountedConnection | ExceededLimit {
    const { total, perAddress, waitingPerAddress } = this.#limits;
    if (total !== null && this.#open >= total) return 'total';
    if (isLoopback(address)) return this.#count(undefined);
    const key = counterOf(address);
    const count = this.#counts.get(key) ?? { open: 0, waiting: 0 };
    if (perAddress !== null && count.open >= perAddress) return 'address';
    if (waitingPerAddress !== null && count.waiting >= waitingPerAddress) return 'waiting';
    this.#counts.set(key, count);
    count.open++;
    count.waiting++;
    return this.#count(count, key);
  }

  #count(count: Count | undefined, key = ''): CountedConnection {
    this.#open++;
    let waits = true;
    let open = true;
    const loggedIn = () => {
      if (!waits) return;
      waits = false;
      if (count !== undefined) count.waiting--;
    };
    const closed = () => {
      if (!open) return;
      open = false;
      loggedIn();
      this.#open--;
      if (count !== undefined && --count.open === 0) this.#counts.delete(key);
    };
    return { loggedIn, closed };
  }
}
