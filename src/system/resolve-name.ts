/** What a host name leads to, as programs on this machine see it: its hosts file included. */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** The addresses of a host name. */
export interface ResolvedName {
  ipv4: string[];
  ipv6: string[];
  /** Why there are none: `not-found`, there is no such name; `no-answer`, the name servers did not say. */
  failure?: 'not-found' | 'no-answer';
}

const TIMEOUT_MS = 5_000;

/** Codes by which the system says that its name servers failed, rather than that there is no such name. */
const NO_ANSWER = new Set(['EAI_AGAIN', 'EAI_FAIL', 'EAI_SYSTEM', 'ETIMEOUT', 'ESERVFAIL', 'ECONNREFUSED', 'EREFUSED']);

/** Finds addresses; `lookup` of node:dns, or what a test puts in its place. */
export type Lookup = (host: string, options: { all: true }) => Promise<{ address: string }[]>;

/** The addresses of a name, within five seconds; an address leads to itself. Never throws. */
export async function resolveName(
  host: string,
  { find = lookup as Lookup, timeoutMs = TIMEOUT_MS }: { find?: Lookup; timeoutMs?: number } = {},
): Promise<ResolvedName> {
  if (isIP(host)) return { ipv4: isIPv4(host) ? [host] : [], ipv6: isIPv6(host) ? [host] : [] };
  let timer: NodeJS.Timeout | undefined;
  // The system's own resolver cannot be interrupted; nobody waits for it then.
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'late');
  });
  try {
    const found = await Promise.race([find(host, { all: true }), late]);
    if (found === 'late') return { ipv4: [], ipv6: [], failure: 'no-answer' };
    const addresses = [...new Set(found.map(({ address }) => address))];
    const ipv4 = addresses.filter((address) => isIPv4(address));
    const ipv6 = addresses.filter((address) => isIPv6(address));
    return addresses.length > 0 ? { ipv4, ipv6 } : { ipv4, ipv6, failure: 'not-found' };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return { ipv4: [], ipv6: [], failure: NO_ANSWER.has(code) ? 'no-answer' : 'not-found' };
  } finally {
    clearTimeout(timer);
  }
}
