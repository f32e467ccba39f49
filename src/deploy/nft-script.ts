/**
 * The lists of addresses as rules of nftables, so that the kernel turns away whom the relay would turn away itself. A
 * table of our own, which is made anew as a whole each time: nobody else's rules are touched. Pure.
 */
import { createHash } from 'node:crypto';
import { type AddressRange, joinRanges } from '../protocol/address-set.ts';
import { formatIpAddress } from '../protocol/ip-address.ts';

export const NFT_TABLE = 'derp_setup';

/** What the rules are made of. */
export interface NftInput {
  /** Undefined: everybody. */
  allow: readonly AddressRange[] | undefined;
  deny: readonly AddressRange[] | undefined;
  /** Ports to guard; -1 for none. */
  derpPort: number;
  stunPort: number;
  /** Proxies that say by the PROXY protocol for whom they come, which only the relay can judge: addresses or ranges. */
  proxies: readonly string[];
  /** They are those of the installed relay, and are marked, so that it can be seen when they are not any more. */
  installed: boolean;
}

/** Before the chains of other tables at the usual priority, so that nobody counts or logs what is dropped here. */
const PRIORITY = 'filter - 10';

/** What stands before a mark in the rule's comment. */
const MARK = 'derp-setup lists';
const MARK_LENGTH = 16;

const FAMILIES = [
  { suffix: '4', bytes: 4, type: 'ipv4_addr', match: 'ip saddr', protocol: 'ipv4' },
  { suffix: '6', bytes: 16, type: 'ipv6_addr', match: 'ip6 saddr', protocol: 'ipv6' },
] as const;

type Family = (typeof FAMILIES)[number];

const isAll = (bytes: Buffer, value: number) => bytes.every((byte) => byte === value);
const isEverything = ({ first, last }: AddressRange) => isAll(first, 0) && isAll(last, 0xff);

/** How many bits the two ends begin with in common, if these make a range from its first to its last address. */
function prefixLength({ first, last }: AddressRange): number | undefined {
  let length = 0;
  const bits = first.length * 8;
  const bitOf = (bytes: Buffer, at: number) => (bytes[at >> 3]! >> (7 - (at & 7))) & 1;
  while (length < bits && bitOf(first, length) === bitOf(last, length)) length++;
  for (let at = length; at < bits; at++) if (bitOf(first, at) !== 0 || bitOf(last, at) !== 1) return undefined;
  return length;
}

function formatRange(range: AddressRange): string {
  const first = formatIpAddress(range.first);
  const length = prefixLength(range);
  if (length === undefined) return `${first}-${formatIpAddress(range.last)}`;
  return length === range.first.length * 8 ? first : `${first}/${length}`;
}

/** One list in one family: the set, if it needs one, and the rules that go with it. */
interface Part {
  sets: string[];
  rules: string[];
}

const NOTHING: Part = { sets: [], rules: [] };

function setText(name: string, { type }: Family, ranges: readonly AddressRange[]): string {
  const elements = ranges.map(formatRange).join(',\n      ');
  return `  set ${name} {\n    type ${type}\n    flags interval\n    elements = {\n      ${elements}\n    }\n  }`;
}

/** @param ranges of this family, joined */
function denyPart(ranges: readonly AddressRange[], family: Family): Part {
  const name = `deny${family.suffix}`;
  if (ranges.length === 0) return NOTHING;
  // A set of all there is would be refused by some versions of nft.
  if (isEverything(ranges[0]!)) return { sets: [], rules: [`meta nfproto ${family.protocol} counter drop`] };
  return { sets: [setText(name, family, ranges)], rules: [`${family.match} @${name} counter drop`] };
}

/** @param ranges of this family, joined */
function allowPart(ranges: readonly AddressRange[], family: Family): Part {
  const name = `allow${family.suffix}`;
  if (ranges.length === 0) return { sets: [], rules: [`meta nfproto ${family.protocol} counter drop`] };
  if (isEverything(ranges[0]!)) return NOTHING;
  return { sets: [setText(name, family, ranges)], rules: [`${family.match} != @${name} counter drop`] };
}

function proxyRules(proxies: readonly string[], derpPort: number): string[] {
  return proxies.map((proxy) => `tcp dport ${derpPort} ${proxy.includes(':') ? 'ip6' : 'ip'} saddr ${proxy} accept`);
}

/** The mark of rules that are loaded, in what nft says of their table; undefined where they have none. */
export function markOf(listing: string): string | undefined {
  return new RegExp(`comment "${MARK} ([0-9a-f]+)"`).exec(listing)?.[1];
}

/** The rules as nft reads them, and how many ranges they have of each list. */
export interface NftScript {
  text: string;
  /** What the rules are known by; other lists or ports have another one. */
  mark: string;
  allow: number | null;
  deny: number | null;
}

/** The script, for `nft -f`: one transaction, which may be run again and again. */
export function nftScript({ allow, deny, derpPort, stunPort, proxies, installed }: NftInput): NftScript {
  const joined = (ranges: readonly AddressRange[] | undefined, { bytes }: Family) => joinRanges(ranges ?? [], bytes);
  const parts = [
    ...FAMILIES.map((family) => denyPart(joined(deny, family), family)),
    ...FAMILIES.map((family) => (allow === undefined ? NOTHING : allowPart(joined(allow, family), family))),
  ];
  const count = (ranges: readonly AddressRange[] | undefined) =>
    ranges === undefined ? null : FAMILIES.reduce((sum, family) => sum + joined(ranges, family).length, 0);
  const guarded = [
    ...(derpPort > 0 ? [...proxyRules(proxies, derpPort), `tcp dport ${derpPort} jump strangers`] : []),
    ...(stunPort > 0 ? [`udp dport ${stunPort} jump strangers`] : []),
  ];
  const chain = (name: string, lines: readonly string[]) =>
    `  chain ${name} {\n${lines.map((line) => `    ${line}`).join('\n')}\n  }`;
  const strangers = [
    ...parts.flatMap(({ sets }) => sets),
    chain(
      'strangers',
      parts.flatMap(({ rules }) => rules),
    ),
  ];
  const mark = createHash('sha256')
    .update([...strangers, ...guarded].join('\n'))
    .digest('hex')
    .slice(0, MARK_LENGTH);
  const entrance = [
    // What this machine says to itself, also by its public address, comes by this interface.
    `iifname "lo" accept${installed ? ` comment "${MARK} ${mark}"` : ''}`,
    ...guarded,
  ];
  const body = [
    ...strangers,
    chain('entrance', [`type filter hook input priority ${PRIORITY}; policy accept;`, ...entrance]),
  ];
  const text = [
    // The table must be there to be deleted; all of it happens at once, or not at all.
    `add table inet ${NFT_TABLE}`,
    `delete table inet ${NFT_TABLE}`,
    `table inet ${NFT_TABLE} {`,
    body.join('\n\n'),
    '}',
    '',
  ].join('\n');
  return { text, mark, allow: count(allow), deny: count(deny) };
}
