/** The machine's own addresses, and which of them to offer as the relay's host. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/**
 * How far an address reaches. `shared` is 100.64.0.0/10 (a provider's NAT, or a tailnet) and a tailnet's IPv6 range:
 * of no use to clients that need the relay in order to reach anything.
 */
export type AddressScope = 'unspecified' | 'loopback' | 'link-local' | 'private' | 'shared' | 'global';

/** An address of one of the machine's interfaces. */
export interface LocalAddress {
  address: string;
  interface: string;
  scope: AddressScope;
}

function ranges(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address, bits] = entry.split('/') as [string, string];
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** In order: the first that matches counts, so a tailnet's range stands before the private one that holds it. */
const SCOPES: readonly (readonly [AddressScope, BlockList])[] = [
  ['unspecified', ranges(['0.0.0.0/8', '::/128'])],
  ['loopback', ranges(['127.0.0.0/8', '::1/128'])],
  ['link-local', ranges(['169.254.0.0/16', 'fe80::/10'])],
  ['shared', ranges(['100.64.0.0/10', 'fd7a:115c:a1e0::/48'])],
  ['private', ranges(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'])],
];

/** How far an IPv4 or IPv6 address reaches. */
export function addressScope(address: string): AddressScope {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return SCOPES.find(([, list]) => list.check(address, family))?.[0] ?? 'global';
}

/** The addresses of the machine's interfaces, in the system's order. */
export function localAddresses(interfaces = networkInterfaces()): LocalAddress[] {
  return Object.entries(interfaces).flatMap(([name, list]: [string, NetworkInterfaceInfo[] | undefined]) =>
    (list ?? []).map(({ address }) => ({ address, interface: name, scope: addressScope(address) })),
  );
}

/** Interfaces that lead to containers, virtual machines or tunnels, not to clients. */
const INNER_INTERFACE =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|lxd|cni|flannel|cali|podman|tailscale|tun|tap|wg|utun)/;

/**
 * The address that clients most probably reach this machine by: a global IPv4 address, then a private one, then a
 * global IPv6 address; on a machine that has none of them 127.0.0.1, which only itself can use.
 */
export function bestHost(addresses: readonly LocalAddress[]): string {
  const outer = addresses.filter((entry) => !INNER_INTERFACE.test(entry.interface));
  const first = (scope: AddressScope, isFamily: (address: string) => boolean) =>
    outer.find((entry) => entry.scope === scope && isFamily(entry.address))?.address;
  return first('global', isIPv4) ?? first('private', isIPv4) ?? first('global', isIPv6) ?? '127.0.0.1';
}
