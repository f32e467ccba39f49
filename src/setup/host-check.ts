/** Whether the host leads to this machine, as far as the machine itself can tell. */
import { isIP } from 'node:net';
import type { LocalAddress } from '../system/network.ts';
import { resolveName } from '../system/resolve-name.ts';

/** `elsewhere` may be right: behind a provider's NAT a machine does not know its own public address. */
export type HostReach = { leads: 'here' } | { leads: 'elsewhere'; addresses: readonly string[] } | { leads: 'nowhere' };

/** Looks up a name, or compares an address. One address of the machine among those found is enough. */
export async function checkHost(host: string, local: readonly LocalAddress[]): Promise<HostReach> {
  const { ipv4, ipv6 } = isIP(host) > 0 ? { ipv4: [host], ipv6: [] } : await resolveName(host);
  const addresses = [...ipv4, ...ipv6];
  if (addresses.length === 0) return { leads: 'nowhere' };
  const here = local.some(({ address }) => addresses.includes(address));
  return here ? { leads: 'here' } : { leads: 'elsewhere', addresses };
}
