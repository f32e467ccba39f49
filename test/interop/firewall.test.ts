/** Opening ports in real firewalls, and a stranger who knocks at them. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  closedPorts,
  closePorts,
  detectFirewall,
  FirewallError,
  type FirewallTool,
  type Opening,
  openPorts,
  refusedPorts,
  ruleCommands,
} from '../../src/system/firewall.ts';
import { answered, GuardedServer } from './lab/guarded-server.ts';
import { until } from './lab/programs.ts';

const openings: Opening[] = [
  { protocol: 'tcp', port: 443 },
  { protocol: 'udp', port: 3478 },
];
const ssh: Opening = { protocol: 'tcp', port: 22 };
let server: GuardedServer;
afterEach(() => server.close());

/** Everything that the kernel's filters say, to be compared. */
async function dump(): Promise<string> {
  const programs = [['iptables-save'], ['ip6tables-save'], ['nft', 'list', 'ruleset']];
  const rules: string[] = [];
  for (const command of programs) rules.push(await server.must(...command));
  return rules.join('\n').replaceAll(/^#.*$|\[\d+:\d+\]|packets \d+ bytes \d+/gm, '');
}

/** The whole way: found, shut, opened, opened again in vain, closed again. */
async function expectToOpenAndClose(tool: FirewallTool, look: () => Promise<string> = dump): Promise<void> {
  const { access } = server;
  expect(await server.knock([...openings, ssh])).toEqual({ ...answered(openings, false), ...answered([ssh], true) });
  const firewall = await detectFirewall(access);
  expect(firewall?.tool).toBe(tool);
  expect(await closedPorts(firewall!, [...openings, ssh], access)).toEqual(openings);
  expect(refusedPorts(firewall!, openings)).toEqual([]);
  expect(ruleCommands(firewall!, openings).length).toBeGreaterThanOrEqual(openings.length);
  expect(ruleCommands(firewall!, [ssh])).toEqual([]);

  const before = await look();
  await openPorts(firewall!, openings, access);
  expect(await server.knock([...openings, ssh])).toEqual(answered([...openings, ssh], true));
  expect(await closedPorts(firewall!, openings, access)).toEqual([]);

  const opened = await look();
  expect(opened).not.toBe(before);
  await openPorts(firewall!, openings, access);
  expect(await look()).toBe(opened);

  await closePorts({ tool }, openings, access);
  expect(await look()).toBe(before);
  expect(await server.knock(openings)).toEqual(answered(openings, false));
  await closePorts({ tool }, openings, access);
  expect(await look()).toBe(before);
}

async function openServer(name: string, ports: readonly Opening[] = [], settings: string[] = []): Promise<void> {
  server = new GuardedServer(name);
  await server.open([...openings, ssh, ...ports], settings);
}

/** What the images of a large provider come with: everything that no rule is about is turned away at the end. */
const providersImage = `
  -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
4 -A INPUT -p icmp -j ACCEPT
6 -A INPUT -p ipv6-icmp -j ACCEPT
  -A INPUT -i lo -j ACCEPT
  -A INPUT -p udp --sport 123 -j ACCEPT
  -A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
4 -A INPUT -j REJECT --reject-with icmp-host-prohibited
6 -A INPUT -j REJECT --reject-with icmp6-adm-prohibited`;

describe('iptables', () => {
  it('opens before the rule that turns everything away', async () => {
    await openServer('iptables-reject');
    await server.iptables(providersImage);
    await expectToOpenAndClose('iptables');
  });

  it('opens where the policy keeps everything out, in one family only where the other is open', async () => {
    await openServer('iptables-policy');
    await server.iptables(`
      -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      6 -A INPUT -p ipv6-icmp -j ACCEPT
      -A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT
      4 -A INPUT -p tcp --dport 443 -j ACCEPT
      6 -A INPUT -p udp --dport 3400:3500 -j ACCEPT
      -P INPUT DROP`);
    const firewall = (await detectFirewall(server.access))!;
    const rule = (protocol: string, port: number) =>
      `tables -w 5 -A INPUT -p ${protocol} -m ${protocol} --dport ${port} -m comment --comment derp-setup -j ACCEPT`;
    expect(ruleCommands(firewall, openings).map((command) => command.join(' '))).toEqual([
      `ip${rule('udp', 3478)}`,
      `ip6${rule('tcp', 443)}`,
    ]);
    await openPorts(firewall, openings, server.access);
    expect(await server.knock(openings)).toEqual(answered(openings, true));
  });

  it('opens with the older iptables too', async () => {
    await openServer('iptables-legacy');
    const folder = join(server.folder, 'bin');
    mkdirSync(folder, { recursive: true });
    for (const name of ['iptables', 'ip6tables', 'iptables-save', 'ip6tables-save']) {
      const older = `/usr/sbin/${name.replace('tables', 'tables-legacy')}`;
      expect(existsSync(older), older).toBe(true);
      symlinkSync(older, join(folder, name));
    }
    server.setVariable('PATH', `${folder}:${process.env.PATH}`);
    expect(await server.must('iptables', '-V')).toContain('legacy');
    await server.iptables(providersImage);
    await expectToOpenAndClose('iptables');
  });
});

describe('ufw', () => {
  const settings = ['ufw', 'default'];

  it('opens by its own rules', async () => {
    await openServer('ufw', [], settings);
    await server.must('ufw', 'allow', '22/tcp');
    await server.must('ufw', '--force', 'enable');
    await expectToOpenAndClose('ufw');
  });

  it('knows its application profiles, ranges and limits, and rules for some addresses only', async () => {
    const port = (number: number): Opening => ({ protocol: 'tcp', port: number });
    await openServer('ufw-rules', [80, 6000, 6001, 8001, 9000].map(port), settings);
    await server.must('ufw', 'app', 'info', 'WWW');
    for (const rule of ['WWW', '8000:8010/tcp', 'from 192.0.2.0/24 to any port 6000', 'in on wg0 to any port 6001']) {
      await server.must('ufw', 'allow', ...rule.split(' '));
    }
    await server.must('ufw', 'limit', '9000');
    await server.must('ufw', '--force', 'enable');
    const firewall = (await detectFirewall(server.access))!;
    const states = [80, 8001, 9000, 6000, 6001].map((number) => firewall.stateOf(port(number)));
    expect(states).toEqual(['open', 'open', 'open', 'closed', 'closed']);
    expect(await server.knock([80, 8001, 9000].map(port))).toEqual(answered([80, 8001, 9000].map(port), true));
    expect(await server.knock([6000, 6001].map(port))).toEqual(answered([6000, 6001].map(port), false));
  });

  it('leaves a rule alone by which somebody refuses the port', async () => {
    await openServer('ufw-deny', [], settings);
    await server.must('ufw', 'deny', '443/tcp');
    await server.must('ufw', '--force', 'enable');
    const before = await dump();
    const firewall = (await detectFirewall(server.access))!;
    expect(refusedPorts(firewall, openings)).toEqual([openings[0]]);
    const refused = openPorts(firewall, openings, server.access);
    await expect(refused).rejects.toThrow(FirewallError);
    await expect(refused).rejects.toMatchObject({ problem: 'refused', openings: [openings[0]] });
    expect(await dump()).toBe(before);
  });

  it("leaves somebody's own rule for the port alone when ours is to be removed", async () => {
    await openServer('ufw-theirs', [], settings);
    await server.must('ufw', 'allow', '443/tcp', 'comment', 'the web site');
    await server.must('ufw', '--force', 'enable');
    const before = await dump();
    await openPorts({ tool: 'ufw' }, openings, server.access);
    await closePorts({ tool: 'ufw' }, openings, server.access);
    expect(await dump()).toBe(before);
    expect(await server.knock([openings[0]!])).toEqual(answered([openings[0]!], true));
  });

  it('opens when it was told to leave IPv6 alone', async () => {
    await openServer('ufw-ipv4', [], settings);
    await server.must('sed', '-i', 's/^IPV6=.*/IPV6=no/', '/etc/default/ufw');
    await server.must('ufw', '--force', 'enable');
    const firewall = (await detectFirewall(server.access))!;
    expect(firewall.tool).toBe('ufw');
    await openPorts(firewall, openings, server.access);
    expect(await server.knock([openings[0]!])).toMatchObject({ 'tcp/443 by IPv4': true });
  });

  it('is not asked where rules before its own turn everything away', async () => {
    await openServer('ufw-behind', [], settings);
    await server.iptables(providersImage);
    await server.must('ufw', '--force', 'enable');
    await expectToOpenAndClose('iptables');
  });
});

describe('nftables', () => {
  it('opens where the policy keeps everything out', async () => {
    await openServer('nftables-policy');
    await server.nft(`table inet filter {
      set public { type inet_service; flags interval; elements = { 22, 8000-8010 }; }
      chain input { type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iif lo accept
        meta l4proto ipv6-icmp accept
        tcp dport @public accept
      }
    }`);
    await expectToOpenAndClose('nftables');
  });

  it('opens before the rule that turns everything away, in whichever chain that is', async () => {
    await openServer('nftables-chains');
    await server.nft(`table inet guard {
      chain wan { tcp dport 22 ct state new accept; ip saddr 192.0.2.0/24 tcp dport 443 accept; counter reject with icmpx admin-prohibited; }
      chain input { type filter hook input priority filter + 5; policy accept;
        ct state established,related accept
        meta l4proto ipv6-icmp accept
        iifname vmap { "lo" : accept, "eth0" : goto wan }
      }
    }`);
    const firewall = (await detectFirewall(server.access))!;
    expect(ruleCommands(firewall, [openings[0]!])).toEqual([
      expect.arrayContaining(['nft', 'insert', 'rule', 'inet', 'guard', 'wan', 'handle']),
    ]);
    await expectToOpenAndClose('nftables');
  });

  it('opens tables of one family each', async () => {
    await openServer('nftables-families');
    await server.nft(
      ['ip', 'ip6']
        .map((family) =>
          `table ${family} mine {
      chain in { type filter hook input priority 0; policy drop; ct state established accept; tcp dport 22 accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; }
    }`.replace(family === 'ip' ? /icmpv6[^;]*;/ : /never/, ''),
        )
        .join('\n'),
    );
    expect(ruleCommands((await detectFirewall(server.access))!, openings)).toHaveLength(4);
    await expectToOpenAndClose('nftables');
  });
});

describe('firewalld', () => {
  async function startFirewalld(label: string, ports: readonly Opening[] = []): Promise<void> {
    await openServer(label, ports, ['firewalld']);
    const bus = join(server.folder, 'bus');
    const config = join(server.folder, 'bus.conf');
    writeFileSync(
      config,
      `<busconfig><type>system</type><listen>unix:path=${bus}</listen><auth>EXTERNAL</auth>
       <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
    );
    server.setVariable('DBUS_SYSTEM_BUS_ADDRESS', `unix:path=${bus}`);
    server.start(['dbus-daemon', `--config-file=${config}`, '--nofork', '--nopidfile'], 'dbus');
    await until('the bus', 10, () => existsSync(bus));
    server.start(['firewalld', '--nofork', '--nopid', '--log-file', join(server.folder, 'own.log')], 'firewalld');
    await until('firewalld', 40, async () => (await server.access.run('firewall-cmd', ['--state'])).code === 0, 500);
  }
  const settings = async () =>
    dump().then(async (rules) => rules + (await server.must('firewall-cmd', '--permanent', '--list-all')));

  it('opens in the zone of the interface, now and for ever', async () => {
    await startFirewalld('firewalld');
    await server.must('firewall-cmd', '--zone=public', '--add-interface=eth0');
    await expectToOpenAndClose('firewalld', settings);
    await openPorts({ tool: 'firewalld' }, openings, server.access);
    await server.must('firewall-cmd', '--reload');
    await server.must('firewall-cmd', '--zone=public', '--add-interface=eth0');
    expect(await server.knock(openings)).toEqual(answered(openings, true));
  });

  it('opens in the default zone, and opens for ever what was opened for now', async () => {
    await startFirewalld('firewalld-default');
    await server.must('firewall-cmd', '--add-port=443/tcp');
    const firewall = (await detectFirewall(server.access))!;
    expect(ruleCommands(firewall, openings).map((command) => command.join(' '))).toEqual([
      'firewall-cmd --permanent --zone=public --add-port=443/tcp',
      'firewall-cmd --zone=public --add-port=3478/udp',
      'firewall-cmd --permanent --zone=public --add-port=3478/udp',
    ]);
  });

  it('knows services, those that include others, and rich rules', async () => {
    const port = (number: number): Opening => ({ protocol: 'tcp', port: number });
    await startFirewalld('firewalld-rules', [80, 88, 6000, 6001, 6002].map(port));
    const change = async (...flags: string[]) => {
      await server.must('firewall-cmd', ...flags);
      await server.must('firewall-cmd', '--permanent', ...flags);
    };
    await change('--add-service=freeipa-4');
    await change('--add-rich-rule=rule port port="6000" protocol="tcp" accept');
    await change(
      '--add-rich-rule=rule family="ipv4" source address="192.0.2.0/24" port port="6001" protocol="tcp" accept',
    );
    await change('--add-port=6002/tcp');
    await change('--add-rich-rule=rule port port="6002" protocol="tcp" reject');
    const firewall = (await detectFirewall(server.access))!;
    const states = [80, 88, 6000, 6001, 6002].map((number) => firewall.stateOf(port(number)));
    expect(states).toEqual(['open', 'open', 'open', 'closed', 'refused']);
    expect(await server.knock([80, 88, 6000].map(port))).toEqual(answered([80, 88, 6000].map(port), true));
    expect(await server.knock([6001, 6002].map(port))).toEqual(answered([6001, 6002].map(port), false));
  });
});

describe('no firewall', () => {
  it('is found on a machine without rules', async () => {
    await openServer('none');
    expect(await detectFirewall(server.access)).toBeUndefined();
  });

  it('is found where rules only turn some away, or belong to containers', async () => {
    await openServer('none-shut');
    await server.iptables(`
      -N f2b-sshd
      -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
      4 -A f2b-sshd -s 192.0.2.1/32 -j REJECT
      -A f2b-sshd -j RETURN
      -A INPUT -m conntrack --ctstate INVALID -j DROP
      -P FORWARD DROP`);
    expect(await detectFirewall(server.access)).toBeUndefined();
    expect(await server.knock(openings)).toEqual(answered(openings, true));
  });
});
