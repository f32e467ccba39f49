import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isUfwActive, parseUfwRules } from '../../../src/system/firewall/ufw.ts';
import {
  closedPorts,
  closePorts,
  detectFirewall,
  detectFirewalls,
  type FirewallAccess,
  FirewallError,
  type Opening,
  openPorts,
  refusedPorts,
  ruleCommands,
} from '../../../src/system/firewall.ts';
import { recordedRun } from '../recorded-run.ts';

/** What the real programs printed. They are run for real in the suite against real programs, as root. */
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

const derp: Opening = { protocol: 'tcp', port: 443 };
const stun: Opening = { protocol: 'udp', port: 3478 };
const open = '-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n';

/** A machine on which these command lines print these texts, and all others fail. */
function machine(outputs: Record<string, string>, files: readonly string[] = []) {
  const { run, commands } = recordedRun((command, args) => {
    const stdout = outputs[[command, ...args].join(' ')];
    return stdout === undefined ? { code: 127, stderr: 'no such thing' } : { stdout };
  });
  const access: FirewallAccess = { run, exists: async (path) => files.includes(path), outerInterface: 'eth0' };
  const lines = (list: string[][]) => list.map((command) => command.join(' '));
  return { access, commands, lines };
}

const ufw = {
  'ufw status': fixture('ufw-status.txt'),
  'ufw show added': fixture('ufw-show-added.txt'),
  'iptables -w 5 -S': fixture('ufw-iptables.txt'),
  'ip6tables -w 5 -S': fixture('ufw-ip6tables.txt'),
};
const image = {
  'iptables -w 5 -S': fixture('providers-image-iptables.txt'),
  'ip6tables -w 5 -S': open,
};

describe('ufw', () => {
  it('is used when it is active', async () => {
    const { access, lines } = machine(ufw);
    const firewall = (await detectFirewall(access))!;
    expect(firewall).toMatchObject({ tool: 'ufw', lasting: true });
    expect(await closedPorts(firewall, [derp, stun], access)).toEqual([stun]);
    expect(lines(ruleCommands(firewall, [derp, stun]))).toEqual(['ufw allow 3478/udp comment derp-setup']);
    expect(refusedPorts(firewall, [derp, { protocol: 'tcp', port: 81 }])).toEqual([{ protocol: 'tcp', port: 81 }]);
  });

  it('takes back its own rules only', async () => {
    const { access, lines } = machine(ufw);
    const firewall = (await detectFirewall(access))!;
    const ssh: Opening = { protocol: 'tcp', port: 22 };
    expect(lines(firewall.closeCommands([derp, ssh, stun]))).toEqual(['ufw delete allow 443/tcp']);
  });

  it('is not used when it is not active, or may not be asked', async () => {
    const inactive = machine({ 'ufw status': 'Status: inactive', 'iptables -w 5 -S': open });
    expect(await detectFirewall(inactive.access)).toBeUndefined();
    expect(await detectFirewall(machine({}).access)).toBeUndefined();
  });

  it('is told from its status line alone', () => {
    expect(isUfwActive('Status: active\n\nTo Action From')).toBe(true);
    expect(isUfwActive('Status: inactive')).toBe(false);
    expect(isUfwActive('22/tcp ALLOW IN Anywhere # Status: active')).toBe(false);
  });

  it('has rules with comments', () => {
    expect(parseUfwRules("Added user rules (see x):\nufw allow 1/tcp comment 'a b'\nufw deny 2\n")).toEqual([
      ['allow', '1/tcp', 'comment', 'a b'],
      ['deny', '2'],
    ]);
  });
});

describe('iptables', () => {
  const rule = (port: Opening) =>
    `-p ${port.protocol} -m ${port.protocol} --dport ${port.port} -m comment --comment derp-setup -j ACCEPT`;

  it('is used where its last rule turns everything away, and opens before that', async () => {
    const { access, lines } = machine(image);
    const firewall = (await detectFirewall(access))!;
    expect(firewall).toMatchObject({ tool: 'iptables', lasting: false });
    expect(lines(ruleCommands(firewall, [derp, stun]))).toEqual([
      `iptables -w 5 -I INPUT 6 ${rule(derp)}`,
      `iptables -w 5 -I INPUT 6 ${rule(stun)}`,
    ]);
  });

  it('has its rules saved where something saves them', async () => {
    const debian = machine(image, ['/usr/share/netfilter-persistent/plugins.d/15-ip4tables']);
    const firewall = (await detectFirewall(debian.access))!;
    expect(firewall.lasting).toBe(true);
    expect(debian.lines(ruleCommands(firewall, [derp])).at(-1)).toBe('netfilter-persistent save');
    expect(ruleCommands(firewall, [{ protocol: 'tcp', port: 22 }])).toEqual([]);

    const files = ['/usr/libexec/iptables/iptables.init'];
    const redHat = machine({ ...image, 'systemctl is-enabled iptables.service': 'enabled\n' }, files);
    expect(redHat.lines(ruleCommands((await detectFirewall(redHat.access))!, [derp])).slice(1)).toEqual([
      '/usr/libexec/iptables/iptables.init save',
      '/usr/libexec/iptables/ip6tables.init save',
    ]);
    expect(await detectFirewall(machine(image, files).access)).toMatchObject({ lasting: false });
  });

  it('takes back its own rules only, wherever they are', async () => {
    const rules = `-P INPUT DROP\n-N mine\n-A INPUT ${rule(derp)}\n-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A mine ${rule(derp)}\n`;
    const { access, lines } = machine({ 'iptables -w 5 -S': rules, 'ip6tables -w 5 -S': rules });
    const firewall = (await detectFirewall(access))!;
    expect(lines(firewall.closeCommands([derp, stun]))).toEqual([
      `iptables -w 5 -D INPUT ${rule(derp)}`,
      `iptables -w 5 -D mine ${rule(derp)}`,
      `ip6tables -w 5 -D INPUT ${rule(derp)}`,
      `ip6tables -w 5 -D mine ${rule(derp)}`,
    ]);
  });

  it('goes before an ufw that its rules never lead to', async () => {
    const jump = '-A INPUT -j ufw-before-input\n';
    const rules = fixture('ufw-iptables.txt').replace(jump, `-A INPUT -j REJECT\n${jump}`);
    const { access } = machine({ ...ufw, 'iptables -w 5 -S': rules });
    expect((await detectFirewalls(access)).map(({ tool }) => tool)).toEqual(['iptables']);
  });

  it('is left to a firewalld that keeps its rules there', async () => {
    const rules = '-P INPUT ACCEPT\n-N INPUT_ZONES\n-A INPUT -j INPUT_ZONES\n-A INPUT -j REJECT\n';
    expect(await detectFirewall(machine({ 'iptables -w 5 -S': rules }).access)).toBeUndefined();
  });

  it('does not count rules of Tailscale, Docker and fail2ban as a firewall', async () => {
    const rules = `-P INPUT ACCEPT
-P FORWARD DROP
-N DOCKER-USER
-N f2b-sshd
-N ts-input
-A INPUT -j ts-input
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A f2b-sshd -s 192.0.2.9/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-A ts-input -s 100.99.1.2/32 -i lo -j ACCEPT
-A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN
-A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
-A ts-input -i tailscale0 -j ACCEPT
-A ts-input -p udp -m udp --dport 41641 -j ACCEPT
`;
    expect(await detectFirewall(machine({ 'iptables -w 5 -S': rules }).access)).toBeUndefined();
  });
});

describe('nftables', () => {
  const nft = { 'nft -j list ruleset': fixture('nft-ruleset.txt') };

  it('is used where its rules keep everything out, and opens before the last one', async () => {
    const { access, lines } = machine(nft, ['/etc/nftables.conf']);
    const firewall = (await detectFirewall(access))!;
    expect(firewall).toMatchObject({ tool: 'nftables', lasting: false, rulesFile: '/etc/nftables.conf' });
    expect(lines(ruleCommands(firewall, [derp, stun]))).toEqual([
      expect.stringMatching(/^nft insert rule inet filter input handle \d+ udp dport 3478 accept comment derp-setup$/),
    ]);
  });

  it('takes back its own rules only', async () => {
    const { access, lines } = machine(nft);
    const firewall = (await detectFirewall(access))!;
    // The rule for 443/udp carries somebody else's comment.
    expect(lines(firewall.closeCommands([derp, { protocol: 'udp', port: 443 }, stun]))).toEqual([
      expect.stringMatching(/^nft delete rule inet filter input handle \d+$/),
    ]);
  });

  it("leaves iptables' and firewalld's tables to those", async () => {
    const chain = { name: 'INPUT', type: 'filter', hook: 'input', prio: 0, policy: 'drop' };
    const rules = (...chains: object[]) => JSON.stringify({ nftables: chains.map((one) => ({ chain: one })) });
    const shared = {
      'nft -j list ruleset': rules(
        { family: 'ip', table: 'filter', ...chain },
        { family: 'inet', table: 'firewalld', ...chain },
      ),
      'iptables -V': 'iptables v1.8.9 (nf_tables)',
      'iptables -w 5 -S': open,
    };
    expect(await detectFirewall(machine(shared).access)).toBeUndefined();
    const older = { ...shared, 'iptables -V': 'iptables v1.8.9 (legacy)' };
    expect((await detectFirewall(machine(older).access))?.tool).toBe('nftables');
  });

  it('is not used when it cannot say its rules in JSON', async () => {
    const { access } = machine({ 'nft -j list ruleset': 'Error: JSON support not compiled-in' });
    expect(await detectFirewall(access)).toBeUndefined();
  });
});

describe('firewalld', () => {
  const zone = (ports: string, services = 'ssh') =>
    `public\n  target: default\n  services: ${services}\n  ports: ${ports}\n`;
  const firewalld = {
    'firewall-cmd --state': 'running\n',
    'firewall-cmd --get-zone-of-interface=eth0': 'public\n',
    'firewall-cmd --zone=public --list-all': zone('443/tcp'),
    'firewall-cmd --permanent --zone=public --list-all': zone('', 'ssh all'),
    'firewall-cmd --info-service=ssh': 'ssh\n  ports: 22/tcp\n  includes: \n',
    'firewall-cmd --info-service=all': 'all\n  ports: \n  includes: all ssh more\n',
    'firewall-cmd --info-service=more': 'more\n  ports: 443/tcp\n  includes: all\n',
  };

  it('counts what is open now and after a reboot', async () => {
    const { access, lines } = machine({ ...firewalld, 'firewall-cmd --permanent --zone=public --list-all': zone('') });
    const firewall = (await detectFirewall(access))!;
    expect(firewall).toMatchObject({ tool: 'firewalld', lasting: true });
    expect(lines(ruleCommands(firewall, [derp, stun, { protocol: 'tcp', port: 22 }]))).toEqual([
      'firewall-cmd --permanent --zone=public --add-port=443/tcp',
      'firewall-cmd --zone=public --add-port=3478/udp',
      'firewall-cmd --permanent --zone=public --add-port=3478/udp',
    ]);
    expect(lines(firewall.closeCommands([derp, stun]))).toEqual(['firewall-cmd --zone=public --remove-port=443/tcp']);
  });

  it('follows services that include each other', async () => {
    const { access } = machine(firewalld);
    expect((await detectFirewall(access))!.stateOf(derp)).toBe('open');
  });

  it('falls back to the default zone, and is not used when it does not run', async () => {
    const { 'firewall-cmd --get-zone-of-interface=eth0': _zone, ...without } = firewalld;
    const fallback = machine({ ...without, 'firewall-cmd --get-default-zone': 'public\n' });
    expect((await detectFirewall(fallback.access))?.tool).toBe('firewalld');
    const stopped = machine({ ...firewalld, 'firewall-cmd --state': 'not running' });
    expect(await detectFirewall(stopped.access)).toBeUndefined();
  });
});

describe('openPorts and closePorts', () => {
  it('run the commands, and see that they had an effect', async () => {
    let isOpen = false;
    const { run, commands } = recordedRun((command, args) => {
      if (command !== 'iptables') return { code: 127 };
      if (args.includes('-I')) isOpen = true;
      const rules = image['iptables -w 5 -S'];
      const accept = '-A INPUT -p tcp -m tcp --dport 443 -m comment --comment derp-setup -j ACCEPT\n-A INPUT -j REJECT';
      return { stdout: isOpen ? rules.replace('-A INPUT -j REJECT', accept) : rules };
    });
    const access: FirewallAccess = { run, exists: async () => false, outerInterface: 'eth0' };
    await openPorts({ tool: 'iptables' }, [derp], access);
    expect(commands.filter((command) => command.includes('-I INPUT'))).toHaveLength(1);
    await openPorts({ tool: 'iptables' }, [derp], access);
    expect(commands.filter((command) => command.includes('-I INPUT'))).toHaveLength(1);
    await closePorts({ tool: 'iptables' }, [derp], access);
    expect(commands.filter((command) => command.includes('-D INPUT'))).toHaveLength(1);
  });

  it('say so when they had none', async () => {
    const { run } = recordedRun((command, args) => {
      if (command !== 'iptables') return { code: 127 };
      return args.includes('-S') ? { stdout: image['iptables -w 5 -S'] } : { code: 0 };
    });
    const access: FirewallAccess = { run, exists: async () => false, outerInterface: 'eth0' };
    await expect(openPorts({ tool: 'iptables' }, [derp], access)).rejects.toMatchObject({
      name: 'FirewallError',
      problem: 'ineffective',
      openings: [derp],
    });
  });

  it('leave a rule alone by which somebody refuses the port', async () => {
    const { access, commands } = machine(ufw);
    const refused: Opening = { protocol: 'tcp', port: 81 };
    await expect(openPorts({ tool: 'ufw' }, [stun, refused], access)).rejects.toThrow(FirewallError);
    await expect(openPorts({ tool: 'ufw' }, [stun, refused], access)).rejects.toMatchObject({
      problem: 'refused',
      openings: [refused],
    });
    expect(commands.filter((command) => command.startsWith('ufw allow'))).toEqual([]);
  });

  it('fail when a command fails, or the rules cannot be read any more', async () => {
    const { access } = machine(ufw);
    await expect(openPorts({ tool: 'ufw' }, [stun], access)).rejects.toThrow('no such thing');
    const gone = machine({});
    await expect(closedPorts({ tool: 'ufw' }, [stun], gone.access)).rejects.toMatchObject({ problem: 'unreadable' });
  });
});
