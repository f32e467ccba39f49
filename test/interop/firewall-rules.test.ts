/** A stranger knocks at ports with all sorts of rules: what is read out of the rules is what happens. */
import { afterEach, describe, expect, it } from 'vitest';
import { detectFirewall, type Opening, ruleCommands } from '../../src/system/firewall.ts';
import { GuardedServer, heard } from './lab/guarded-server.ts';

let server: GuardedServer;
afterEach(() => server.close());

async function openServer(name: string, ports: readonly Opening[]): Promise<void> {
  server = new GuardedServer(name);
  await server.open(ports);
}

describe('what is read out of the rules', () => {
  it('of iptables', async () => {
    const rules: [string, string][] = [
      ['an address of a stranger', '-A INPUT -s HERE -p tcp --dport PORT -j ACCEPT'],
      ['all but one address', '-A INPUT ! -s HERE -p tcp --dport PORT -j ACCEPT'],
      ['this interface', '-A INPUT -i eth0 -p tcp --dport PORT -j ACCEPT'],
      ['interfaces like this', '-A INPUT -i eth+ -p tcp --dport PORT -j ACCEPT'],
      ['another interface', '-A INPUT -i wg0 -p tcp --dport PORT -j ACCEPT'],
      ['all but another interface', '-A INPUT ! -i wg0 -p tcp --dport PORT -j ACCEPT'],
      ['the other protocol', '-A INPUT -p udp --dport PORT -j ACCEPT'],
      ['all ports but another', '-A INPUT -p tcp -m multiport --dports PORT -m tcp ! --dport 1 -j ACCEPT'],
      ['all ports but this', '-A INPUT -p tcp -m multiport --dports PORT -m tcp ! --dport PORT -j ACCEPT'],
      ['the packet that opens a connection', '-A INPUT -p tcp --dport PORT --syn -j ACCEPT'],
      ['any other packet', '-A INPUT -p tcp --dport PORT ! --syn -j ACCEPT'],
      [
        'connections that are there already',
        '-A INPUT -p tcp --dport PORT -m conntrack --ctstate ESTABLISHED -j ACCEPT',
      ],
      ['a local destination', '-A INPUT -p tcp --dport PORT -m addrtype --dst-type LOCAL -j ACCEPT'],
      ['a multicast destination', '-A INPUT -p tcp --dport PORT -m addrtype --dst-type MULTICAST -j ACCEPT'],
      ['a chain that accepts', '-A INPUT -p tcp --dport PORT -j yes'],
      ['a chain that returns', '-A INPUT -p tcp --dport PORT -j back\n-A INPUT -p tcp --dport PORT -j ACCEPT'],
      ['a chain that never returns', '-A INPUT -p tcp --dport PORT -g back\n-A INPUT -p tcp --dport PORT -j ACCEPT'],
      ['a chain that logs', '-A INPUT -p tcp --dport PORT -j logs'],
      ['a port that is refused before', '-A INPUT -p tcp --dport PORT -j DROP\n-A INPUT -p tcp --dport PORT -j ACCEPT'],
      ['nothing', '-A INPUT -p tcp --dport PORT -m comment --comment nothing'],
    ];
    const ports = rules.map((_rule, at): Opening => ({ protocol: 'tcp', port: 5000 + at }));
    await openServer('iptables-truth', ports);
    const lines = rules.flatMap(([, rule], at) => rule.replaceAll('PORT', String(5000 + at)).split('\n'));
    const of = (family: 4 | 6, here: string) =>
      lines.filter((line) => line.includes('HERE')).map((line) => `${family} ${line.replace('HERE', here)}`);
    await server.iptables(`
      -N yes
      -A yes -j ACCEPT
      -N back
      -A back -j RETURN
      -A back -j ACCEPT
      -N logs
      -A logs -j LOG
      -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
      6 -A INPUT -p ipv6-icmp -j ACCEPT
      ${[...of(4, '192.0.2.1'), ...of(6, '2001:db8::1')].join('\n')}
      ${lines.filter((line) => !line.includes('HERE')).join('\n')}
      -P INPUT DROP`);
    const firewall = (await detectFirewall(server.access))!;
    const happens = await server.knock(ports);
    const read = ports.map((port) => firewall.stateOf(port) === 'open');
    expect(Object.fromEntries(rules.map(([what], at) => [what, read[at]]))).toEqual(
      Object.fromEntries(rules.map(([what], at) => [what, happens[heard(ports[at]!, 4)]])),
    );
    expect(new Set(read)).toEqual(new Set([true, false]));
  });

  it('of nftables', async () => {
    const rules: [string, string][] = [
      ['a port in a range', 'tcp dport 4000-PORT accept'],
      ['a port in a list', 'tcp dport { 1, PORT, 3 } accept'],
      ['a port above another', 'tcp dport >= PORT tcp dport <= PORT accept'],
      ['both protocols', 'meta l4proto { tcp, udp } th dport PORT accept'],
      ['the other protocol', 'udp dport PORT accept'],
      ['protocol and port together', 'meta l4proto . th dport { udp . 1, tcp . PORT } accept'],
      ['a verdict for the port', 'tcp dport vmap { 1 : drop, PORT : accept }'],
      ['a chain for the port', 'tcp dport vmap { PORT : jump yes }'],
      ['a verdict for another port', 'tcp dport vmap { 1 : accept }'],
      ['a stranger', 'ip saddr 192.0.2.1 tcp dport PORT accept'],
      ['a stranger in a set', 'ip saddr @friends tcp dport PORT accept'],
      ['everybody', 'ip saddr 0.0.0.0/0 tcp dport PORT accept'],
      ['all but a stranger', 'ip saddr != 192.0.2.1 tcp dport PORT accept'],
      ['new connections', 'ct state new,untracked tcp dport PORT accept'],
      ['connections that are there already', 'ct state established tcp dport PORT accept'],
      ['valid connections', 'ct state != invalid tcp dport PORT accept'],
      ['this interface among others', 'iifname { "wg0", "eth0" } tcp dport PORT accept'],
      ['interfaces like this', 'iifname "eth*" tcp dport PORT accept'],
      ['another interface', 'iifname "wg0" tcp dport PORT accept'],
      ['IPv4', 'meta nfproto ipv4 tcp dport PORT accept'],
      ['TCP in IPv4', 'ip protocol tcp tcp dport PORT accept'],
      ['the packet that opens a connection', 'tcp flags & (fin|syn|rst|ack) == syn tcp dport PORT accept'],
      ['any other packet', 'tcp flags & (fin|syn|rst|ack) != syn tcp dport PORT accept'],
      ['a local destination', 'fib daddr type local tcp dport PORT accept'],
      ['a chain that returns', 'tcp dport PORT jump back\ntcp dport PORT accept'],
      ['a chain that never returns', 'tcp dport PORT goto back\ntcp dport PORT accept'],
      ['a log and a counter', 'tcp dport PORT counter log prefix "x" accept'],
      ['nothing', 'tcp dport PORT counter'],
    ];
    const ports = rules.map((_rule, at): Opening => ({ protocol: 'tcp', port: 5000 + at }));
    await openServer('nftables-truth', ports);
    const lines = rules.map(([, rule], at) => rule.replaceAll('PORT', String(5000 + at)));
    await server.nft(`table inet filter {
      set friends { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 timeout 1h comment "a friend" }; flags timeout; }
      chain yes { accept; }
      chain back { return; accept; }
      chain input { type filter hook input priority 0; policy drop;
        ct state established accept
        meta l4proto ipv6-icmp accept
        ${lines.join('\n        ')}
      }
    }`);
    const firewall = (await detectFirewall(server.access))!;
    const happens = await server.knock(ports);
    const commands = (port: Opening) => ruleCommands(firewall, [port]).length === 0;
    // A rule for one family opens the port for that family only, which is not open as we mean it.
    const both = (port: Opening) => happens[heard(port, 4)]! && happens[heard(port, 6)]!;
    expect(Object.fromEntries(rules.map(([what], at) => [what, firewall.stateOf(ports[at]!) === 'open']))).toEqual(
      Object.fromEntries(rules.map(([what], at) => [what, both(ports[at]!)])),
    );
    expect(ports.map(commands)).toEqual(ports.map(both));
  });
});
