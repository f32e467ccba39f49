import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markOf, type NftInput, nftScript } from '../../src/deploy/nft-script.ts';
import { AddressSet, joinRanges, parseAddressRange } from '../../src/protocol/address-set.ts';
import { formatIpAddress } from '../../src/protocol/ip-address.ts';

const ranges = (...texts: string[]) => texts.map(parseAddressRange);
const input: NftInput = {
  allow: undefined,
  deny: undefined,
  derpPort: 443,
  stunPort: 3478,
  proxies: [],
  installed: false,
};

/** The elements of a set, as its text has them. */
function elementsOf(text: string, set: string): string[] | undefined {
  const body = new RegExp(`set ${set} \\{[^{]*elements = \\{([^}]*)\\}`).exec(text)?.[1];
  return body?.split(',').map((element) => element.trim());
}

/** The rules of a chain. */
function rulesOf(text: string, chain: string): string[] {
  const [, body = ''] = new RegExp(`chain ${chain} \\{([^}]*)\\}`).exec(text) ?? [];
  return body.split('\n').flatMap((line) => line.trim() || []);
}

describe('the rules for nft', () => {
  it('make the table anew at once, and touch no other', () => {
    const { text } = nftScript({ ...input, deny: ranges('192.0.2.1') });
    expect(text.split('\n').filter((line) => /^\S/.test(line))).toEqual([
      'add table inet derp_setup',
      'delete table inet derp_setup',
      'table inet derp_setup {',
      '}',
    ]);
  });

  it('are about the ports of DERP and STUN, never about this machine itself or plain HTTP', () => {
    const rules = (more: Partial<NftInput>) => rulesOf(nftScript({ ...input, deny: [], ...more }).text, 'entrance');
    expect(rules({ derpPort: 8443 })).toEqual([
      'type filter hook input priority filter - 10; policy accept;',
      'iifname "lo" accept',
      'tcp dport 8443 jump strangers',
      'udp dport 3478 jump strangers',
    ]);
    expect(rules({ stunPort: -1 })).not.toContainEqual(expect.stringContaining('udp'));
  });

  it('let in proxies, which say for whom they come to the relay alone', () => {
    const { text } = nftScript({ ...input, allow: ranges('192.0.2.1'), proxies: ['198.51.100.1/24', 'fd00::1'] });
    expect(rulesOf(text, 'entrance').slice(2, 5)).toEqual([
      'tcp dport 443 ip saddr 198.51.100.1/24 accept',
      'tcp dport 443 ip6 saddr fd00::1 accept',
      'tcp dport 443 jump strangers',
    ]);
  });

  it('join what overlaps, and write prefixes where ranges are some', () => {
    const allow = ranges('198.51.100.0/24', '198.51.100.0/22', '198.51.101.7', '192.0.2.1', '2001:db8::/32');
    const { text, allow: allowed, deny: denied } = nftScript({ ...input, allow, deny: ranges('2001:db8::5') });
    expect(elementsOf(text, 'allow4')).toEqual(['192.0.2.1', '198.51.100.0/22']);
    expect(elementsOf(text, 'allow6')).toEqual(['2001:db8::/32']);
    expect(elementsOf(text, 'deny6')).toEqual(['2001:db8::5']);
    expect({ allowed, denied }).toEqual({ allowed: 3, denied: 1 });
    const odd = { first: Buffer.from([192, 0, 2, 1]), last: Buffer.from([192, 0, 2, 6]) };
    expect(elementsOf(nftScript({ ...input, deny: [odd] }).text, 'deny4')).toEqual(['192.0.2.1-192.0.2.6']);
  });

  it('drop who is denied before who is allowed, and a family of which nobody is allowed', () => {
    const strangers = (more: Partial<NftInput>) => rulesOf(nftScript({ ...input, ...more }).text, 'strangers');
    expect(strangers({ allow: ranges('192.0.2.0/24'), deny: ranges('192.0.2.9', '2001:db8::/32') })).toEqual([
      'ip saddr @deny4 counter drop',
      'ip6 saddr @deny6 counter drop',
      'ip saddr != @allow4 counter drop',
      'meta nfproto ipv6 counter drop',
    ]);
    expect(strangers({ deny: ranges('192.0.2.9') })).toEqual(['ip saddr @deny4 counter drop']);
  });

  it('are marked when they are the installed relay’s, by all that they are made of', () => {
    const marked = (more: Partial<NftInput>) =>
      nftScript({ ...input, deny: ranges('192.0.2.1'), installed: true, ...more });
    const { text, mark } = marked({});
    expect(markOf(text)).toBe(mark);
    expect(markOf(nftScript({ ...input, deny: ranges('192.0.2.1') }).text)).toBeUndefined();
    // The order of a list, and what lies in other ranges, makes no difference.
    expect(marked({ deny: ranges('192.0.2.1', '192.0.2.1/32') }).mark).toBe(mark);
    const others = [
      { derpPort: 444 },
      { stunPort: -1 },
      { deny: ranges('192.0.2.2') },
      { allow: [] },
      { proxies: ['::1'] },
    ];
    expect(new Set([mark, ...others.map((one) => marked(one).mark)]).size).toBe(others.length + 1);
  });

  it('need no set where a list holds all addresses there are', () => {
    const all = ranges('0.0.0.0/0', '192.0.2.1', '::/0');
    const allowed = nftScript({ ...input, allow: all });
    expect(rulesOf(allowed.text, 'strangers')).toEqual([]);
    expect(allowed.text).not.toContain('set ');
    expect(rulesOf(nftScript({ ...input, deny: all }).text, 'strangers')).toEqual([
      'meta nfproto ipv4 counter drop',
      'meta nfproto ipv6 counter drop',
    ]);
  });

  it('hold the addresses of the list, no more and no fewer, in sets without overlaps', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    const range = fc.tuple(address, fc.nat()).map(([bytes, length]) => {
      const prefix = length % (bytes.length * 8 + 1);
      const first = Buffer.from(bytes).map((byte, i) => byte & ~(0xff >> Math.min(8, Math.max(0, prefix - 8 * i))));
      return parseAddressRange(`${formatIpAddress(first)}/${prefix}`);
    });
    // A range of mapped addresses is written as IPv4, and no other range of IPv6 reads like one.
    const list = fc.array(range, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(list, (deny) => {
        const { text } = nftScript({ ...input, deny });
        for (const [set, bytes] of [
          ['deny4', 4],
          ['deny6', 16],
        ] as const) {
          const elements = elementsOf(text, set);
          if (elements === undefined) continue;
          const joined = joinRanges(deny, bytes);
          expect(elements).toHaveLength(joined.length);
          for (const [i, element] of elements.entries()) {
            const [first, last] = element.split('-');
            const { first: from, last: to } = last
              ? { first: parseAddressRange(first!).first, last: parseAddressRange(last).first }
              : parseAddressRange(element);
            expect([from, to]).toEqual([joined[i]!.first, joined[i]!.last]);
            if (i > 0) expect(from.compare(joined[i - 1]!.last)).toBe(1);
          }
        }
      }),
    );
  });

  it('are made of a large list in an instant', () => {
    const allow = Array.from({ length: 30_000 }, (_, i) => `${1 + (i % 200)}.${(i >> 8) & 0xff}.${i & 0xff}.0/24`);
    const list = [...allow.map(parseAddressRange), ...ranges('2001:db8::/32')];
    const before = process.cpuUsage();
    const { text } = nftScript({ ...input, allow: list });
    const { user, system } = process.cpuUsage(before);
    expect(elementsOf(text, 'allow4')).toHaveLength(new AddressSet(list).ranges - 1);
    // A tenth of it on an ordinary machine.
    expect(user + system).toBeLessThan(1_500_000);
  });
});
