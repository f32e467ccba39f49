/** What kind of network an IP address belongs to. No I/O. */
import { BlockList, isIP } from 'node:net';

/**
 * - `unspecified`: 0.0.0.0 and ::, which no host has.
 * - `loopback`: the machine itself.
 * - `private`: networks of homes, companies and clouds (RFC 1918, RFC 4193), and link-local addresses.
 * - `shared`: 100.64.0.0/10, between providers and their customers (RFC 6598); Tailscale's own addresses are there too.
 * - `benchmark`: 198.18.0.0/15 (RFC 2544), which proxy programs such as Clash hand out in place of real addresses.
 * - `public`: everything else.
 */
export type AddressKind = 'unspecified' | 'loopback' | 'private' | 'shared' | 'benchmark' | 'public';

const RANGES: [AddressKind, [network: string, prefix: number][]][] = [
  [
    'unspecified',
    [
      ['0.0.0.0', 8],
      ['::', 128],
    ],
  ],
  [
    'loopback',
    [
      ['127.0.0.0', 8],
      ['::1', 128],
    ],
  ],
  [
    'private',
    [
      ['10.0.0.0', 8],
      ['172.16.0.0', 12],
      ['192.168.0.0', 16],
      ['169.254.0.0', 16],
      ['fc00::', 7],
      ['fe80::', 10],
    ],
  ],
  ['shared', [['100.64.0.0', 10]]],
  ['benchmark', [['198.18.0.0', 15]]],
];

const lists = RANGES.map(([kind, networks]): [AddressKind, BlockList] => {
  const list = new BlockList();
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, familyOf(network));
  return [kind, list];
});

/** The kind of an address; text that is no address counts as public. */
export function addressKind(address: string): AddressKind {
  const bare = address.replace(/%.*$/, '');
  return lists.find(([, list]) => list.check(bare, familyOf(bare)))?.[0] ?? 'public';
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
