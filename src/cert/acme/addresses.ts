/** Where a host leads, as an authority sees it: by DNS, and not by this machine's own hosts file. */
import { Resolver } from 'node:dns/promises';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { addressScope, type LocalAddress } from '../../system/network.ts';
import { type ResolvedName, resolveName } from '../../system/resolve-name.ts';

const TIMEOUT_MS = 3000;
const NONE = new Set(['ENODATA', 'ENOTFOUND']);

async function ask<T>(work: Promise<T[]>): Promise<T[] | 'unknown'> {
  try {
    return await work;
  } catch (error) {
    return NONE.has((error as NodeJS.ErrnoException).code ?? '') ? [] : 'unknown';
  }
}

/** The A and AAAA records of a name; an address leads to itself. Where no name server answers, what the system says. */
export async function resolvePublicly(host: string): Promise<ResolvedName> {
  if (isIP(host)) return { ipv4: isIPv4(host) ? [host] : [], ipv6: isIPv6(host) ? [host] : [] };
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  const [ipv4, ipv6] = await Promise.all([ask(resolver.resolve4(host)), ask(resolver.resolve6(host))]);
  if (ipv4 === 'unknown' || ipv6 === 'unknown') return resolveName(host);
  return ipv4.length + ipv6.length > 0 ? { ipv4, ipv6 } : { ipv4, ipv6, failure: 'not-found' };
}

/** How an address of the host answers to what a challenge asks for. */
export type AddressAnswer = 'ours' | 'other' | 'none';

/** An address of the host. */
export interface HostAddress {
  address: string;
  /** One of this machine's interfaces has it. */
  own: boolean;
  answer: AddressAnswer;
}

/** What keeps an authority from finding this machine. */
export type AddressObstacle =
  /** We ask ourselves, and get no answer: whoever should answer does not. */
  | { code: 'silent-here'; address: string }
  /** Another server answers there. */
  | { code: 'answered-elsewhere'; address: string; own: readonly string[] }
  /** Nobody answers there, and it is none of this machine's addresses. */
  | { code: 'leads-elsewhere'; address: string; own: readonly string[] };

/** This machine's addresses of one family that the world knows. */
function globalAddresses(local: readonly LocalAddress[], like: string): string[] {
  const isFamily = isIPv4(like) ? isIPv4 : isIPv6;
  return local.filter(({ address, scope }) => scope === 'global' && isFamily(address)).map(({ address }) => address);
}

/**
 * Judges the addresses of a host. An authority takes any of them, IPv6 first, so each must lead here. Behind a
 * provider's NAT a machine cannot always reach itself by its public IPv4 address: there, silence proves nothing.
 */
export function judgeAddresses(
  addresses: readonly HostAddress[],
  local: readonly LocalAddress[],
): AddressObstacle | undefined {
  for (const { address, own, answer } of addresses) {
    if (answer === 'ours') continue;
    if (own) return { code: 'silent-here', address };
    const mine = globalAddresses(local, address);
    if (answer === 'other') return { code: 'answered-elsewhere', address, own: mine };
    const mayBeNat = isIPv4(address) && mine.length === 0;
    if (!mayBeNat) return { code: 'leads-elsewhere', address, own: mine };
  }
  return undefined;
}

/** Why an authority would refuse an address, whoever asks; undefined for those that the whole world can reach. */
export function unreachableScope(host: string): string | undefined {
  const scope = isIP(host) ? addressScope(host) : 'global';
  return scope === 'global' ? undefined : scope;
}
