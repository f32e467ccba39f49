import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseIptablesRules, splitWords } from '../../../src/system/firewall/iptables-rules.ts';
import { decide, type Packet, stateBy } from '../../../src/system/firewall/ruleset.ts';

/** What iptables 1.8.9 printed. */
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.txt`, import.meta.url), 'utf8');

const packet = (port: number | undefined, more: Partial<Packet> = {}): Packet => ({
  family: 'ipv4',
  protocol: 'tcp',
  port,
  interface: 'eth0',
  ...more,
});

const stateIn = (text: string, port: number | undefined, more: Partial<Packet> = {}) =>
  stateBy(decide(parseIptablesRules(text), 'INPUT', packet(port, more)));

/** What one rule does before a policy that keeps everything out. */
const withRule = (rule: string, more: Partial<Packet> = {}) =>
  stateIn(`-P INPUT DROP\n-N other\n-A INPUT ${rule}\n-A other -j ACCEPT\n`, 443, more);

describe('splitWords', () => {
  it('keeps quoted words together', () => {
    expect(splitWords('-A INPUT -m comment --comment "it \\"is\\" \\\\ mine" -j ACCEPT')).toEqual([
      ...['-A', 'INPUT', '-m', 'comment', '--comment', 'it "is" \\ mine', '-j', 'ACCEPT'],
    ]);
    expect(splitWords('  ')).toEqual([]);
  });
});

describe("a provider's image", () => {
  const text = fixture('providers-image-iptables');

  it('lets in what has a rule, and turns the rest away by its last one', () => {
    expect(stateIn(text, 22)).toBe('open');
    expect(stateIn(text, 443)).toBe('closed');
    expect(decide(parseIptablesRules(text), 'INPUT', packet(undefined))).toEqual({
      verdict: 'drop',
      chain: 'INPUT',
      index: 5,
      namesPort: false,
    });
  });
});

describe.each([
  ['ufw-iptables', 'ipv4'],
  ['ufw-ip6tables', 'ipv6'],
] as const)("ufw's rules in %s", (name, family) => {
  const state = (port: number, protocol: Packet['protocol'] = 'tcp') =>
    stateIn(fixture(name), port, { family, protocol });

  it.each([22, 80, 443, 53, 2222, 9000])('let in %i', (port) => {
    expect(state(port)).toBe('open');
  });

  it.each([444, 8080, 1])('keep out %i', (port) => {
    expect(state(port)).toBe('closed');
  });

  it('tell a port that somebody refuses, and a protocol from the other', () => {
    expect(state(81)).toBe('refused');
    expect(state(53, 'udp')).toBe('open');
    expect(state(443, 'udp')).toBe('closed');
  });

  it('are about one interface where they say so', () => {
    expect(stateIn(fixture(name), 9000, { family, interface: 'wg0' })).toBe('closed');
    expect(stateIn(fixture(name), 9000, { family, interface: undefined })).toBe('closed');
  });
});

describe('a rule opens a port', () => {
  it.each([
    '-j ACCEPT',
    '-p tcp -m tcp --dport 443 -j ACCEPT',
    '-p tcp -m tcp --dport 400:500 -j ACCEPT',
    '-p tcp -m multiport --dports 80,400:450,8443 -j ACCEPT',
    '-p tcp -m tcp ! --dport 80 -j ACCEPT',
    '-p 6 -m tcp --dport 443 -j ACCEPT',
    '-s 0.0.0.0/0 -p tcp -m tcp --dport 443 -j ACCEPT',
    '! -s 192.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT',
    '-i eth0 -p tcp -m tcp --dport 443 -j ACCEPT',
    '-i e+ -p tcp -m tcp --dport 443 -j ACCEPT',
    '! -i lo -p tcp -m tcp --dport 443 -j ACCEPT',
    '-p tcp -m tcp --dport 443 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m state --state NEW,ESTABLISHED -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m addrtype --dst-type LOCAL -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m set ! --match-set banned src -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m comment --comment "-j DROP" -j ACCEPT',
    '-p tcp -m tcp --dport 443 -j other',
    '-p tcp -m tcp --dport 443 -g other',
  ])('%s', (rule) => {
    expect(withRule(rule)).toBe('open');
  });
});

describe('a rule does not open a port', () => {
  it.each([
    '-p udp -m udp --dport 443 -j ACCEPT',
    '-p tcp -m tcp --dport 444 -j ACCEPT',
    '-p tcp -m tcp ! --dport 443 -j ACCEPT',
    '-s 10.0.0.0/8 -p tcp -m tcp --dport 443 -j ACCEPT',
    '-s 10.0.0.0/8 -j ACCEPT',
    '-d 203.0.113.7/32 -p tcp -m tcp --dport 443 -j ACCEPT',
    '-i lo -j ACCEPT',
    '-i tailscale0 -j ACCEPT',
    '! -i eth0 -j ACCEPT',
    '-p tcp -m tcp --sport 443 -j ACCEPT',
    '-p tcp -m tcp --dport 443 --tcp-flags SYN,ACK ACK -j ACCEPT',
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m limit --limit 10/min -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m hashlimit --hashlimit-upto 5/sec --hashlimit-name x -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m set --match-set friends src -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m geoip --source-country DE -j ACCEPT',
    '-p tcp -m tcp --dport 443 -m conntrack --ctstatus DNAT -j ACCEPT',
    '-p tcp -m tcp --dport 443 -j LOG --log-prefix "-j ACCEPT"',
    '-p tcp -m tcp --dport 443',
    '-p tcp -m tcp --dport 443 -j RETURN',
    '-p tcp -m tcp --dport 443 -j nowhere',
  ])('%s', (rule) => {
    expect(withRule(rule)).toBe('closed');
  });

  it('when the interface that strangers come in by is not known', () => {
    expect(withRule('-i eth0 -j ACCEPT', { interface: undefined })).toBe('closed');
    expect(withRule('! -i lo -j ACCEPT', { interface: undefined })).toBe('open');
  });
});

describe('a rule against a port', () => {
  const stateUnder = (rules: string) => stateIn(`-P INPUT ACCEPT\n-N no\n-A no -j REJECT\n${rules}`, 443);

  it.each([
    '-A INPUT -p tcp -m tcp --dport 443 -j DROP',
    '-A INPUT -p tcp -m multiport --dports 80,443 -j REJECT --reject-with tcp-reset',
    '-A INPUT ! -s 192.0.2.0/24 -p tcp -m tcp --dport 443 -j DROP',
    '-A INPUT -p tcp -m tcp --dport 443 -j no',
  ])('refuses it: %s', (rules) => {
    expect(stateUnder(rules)).toBe('refused');
  });

  it.each([
    '-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 443 -j DROP',
    '-A INPUT -p tcp -m tcp --dport 443 -m connlimit --connlimit-above 50 --connlimit-mask 32 -j REJECT',
    '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 443 -j DROP',
    '-A INPUT -m conntrack --ctstate INVALID -j DROP',
    '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP',
    '-A INPUT -d 224.0.0.0/4 -j DROP',
  ])('does not when it is about some only, or comes too late: %s', (rules) => {
    expect(stateUnder(rules)).toBe('open');
  });
});

describe('a chain that hands packets back', () => {
  const rules = (how: string) =>
    `-P INPUT DROP\n-N back\n-A back -j RETURN\n-A back -j ACCEPT\n-A INPUT ${how} back\n-A INPUT -p tcp --dport 443 -j ACCEPT\n`;

  it('does so after a jump, and not after a goto', () => {
    expect(stateIn(rules('-j'), 443)).toBe('open');
    expect(stateIn(rules('-g'), 443)).toBe('closed');
  });
});

describe('rules that cannot be made sense of', () => {
  it('decide nothing, and do not go round in circles', () => {
    expect(stateIn('', 443)).toBe('open');
    expect(stateIn('# Warning: x\nnonsense\n-A\n-A INPUT\n-A nowhere -j ACCEPT', 443)).toBe('open');
    const circle = '-P INPUT DROP\n-N a\n-N b\n-A INPUT -j a\n-A a -j b\n-A b -j a\n';
    expect(stateIn(circle, 443)).toBe('closed');
  });
});
