/** A server with a firewall of its own: ufw, or rules by nft or iptables that keep everything out that they are not about. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { until } from './support/wait.ts';

const SETUP = '/usr/local/bin/derp-setup';
const RELAY = 'derp-relay.service';
const INSTALL = ['--yes', '--verify', 'none'];

let machine: Machine;
beforeAll(async () => {
  machine = await bootMachine({ name: 'firewall' });
});
afterAll(() => machine.stop());

interface Document {
  ok: boolean;
  plan: { kind: string; subject: string }[];
  notes: { code: string; tool?: string; commands?: string[]; ports?: string[] }[];
  problems: { flag?: string; code: string; rule: string }[];
}

async function json(args: readonly string[], code = 0): Promise<Document> {
  const { code: got, stdout, stderr } = await machine.npx([...args, '--json']);
  expect(got, stderr + stdout).toBe(code);
  return JSON.parse(stdout);
}
const aboutFirewall = ({ notes }: Document) => notes.filter(({ code }) => code.startsWith('firewall'));

/** Every rule there is, and what ufw keeps in its files; counters and dates say nothing. */
async function dump(): Promise<string> {
  const text = await machine.shell('nft -a list ruleset; iptables-save; ip6tables-save; cat /etc/ufw/*.rules');
  return text.replaceAll(/^#\s.*$|\[\d+:\d+\]|packets \d+ bytes \d+|# handle \d+/gm, '');
}

/** Whether a stranger on the other end of the cable gets to the relay by TCP. */
async function isReached(port: number): Promise<boolean> {
  try {
    const trust = { kind: 'none' as const };
    const client = await connectDerp({ host: machine.ipv4, port, trust, timeoutMs: 1500 });
    client.close();
    return true;
  } catch {
    return false;
  }
}

async function uninstall(): Promise<void> {
  const { code, stderr } = await machine.run(SETUP, ['uninstall', '--yes', '--purge'], { timeout: 60 });
  expect(code, stderr).toBe(0);
}

/** From a plan to the end, with a firewall in force. Every line that is added to the rules must be `isOurs`. */
async function expectWholeWay(tool: string, isOurs: RegExp): Promise<void> {
  const before = await dump();
  const planned = await json(['--dry-run', '--verify', 'none']);
  expect(planned.plan.map(({ kind }) => kind)).not.toContain('firewall');
  const [note, ...others] = aboutFirewall(planned);
  expect(note).toMatchObject({ code: 'firewall-closed', tool });
  expect(others).toEqual([]);
  const typed = note!.commands!.join('\n');
  for (const port of ['443', '80', '3478']) expect(typed).toMatch(new RegExp(`\\b${port}\\b`));
  expect(await dump()).toBe(before);

  // Without the switch it is installed, and shut.
  expect((await json(INSTALL)).ok).toBe(true);
  expect(await isReached(443)).toBe(false);
  expect(await dump()).toBe(before);

  expect((await json(['--yes', '--open-firewall'])).plan).toContainEqual(
    expect.objectContaining({ kind: 'firewall', subject: tool }),
  );
  expect(await isReached(443)).toBe(true);
  const opened = await dump();
  const added = linesAdded(before, opened);
  expect(added.length).toBeGreaterThanOrEqual(3);
  expect(added.filter((line) => !isOurs.test(line))).toEqual([]);
  expect(linesAdded(opened, before)).toEqual([]);

  expect((await json(['--yes', '--open-firewall'])).plan).toEqual([]);
  expect((await json(['--yes'])).plan).toEqual([]);
  expect(await dump()).toBe(opened);

  await uninstall();
  expect(await dump()).toBe(before);
}

/** The lines of the second text that the first one lacks. */
function linesAdded(from: string, to: string): string[] {
  const left = from.split('\n').map((line) => line.trim());
  return to
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .filter((line) => {
      const at = left.indexOf(line);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
}

describe('ufw', () => {
  beforeAll(async () => {
    await machine.shell(
      'ufw allow 22/tcp comment ssh; ufw allow from 192.0.2.0/24 to any port 5432; ufw --force enable',
    );
  });
  afterAll(async () => {
    await machine.shell('ufw --force reset && rm -f /etc/ufw/*.rules.20* && nft flush ruleset');
  });

  it('is opened for exactly what clients need, when that is said, and closed again in the end', async () => {
    // In the kernel's rules, and in ufw's own files with the comment by which we know them.
    await expectWholeWay(
      'ufw',
      /\bdport (443|80|3478)\b|--dport (443|80|3478)\b|^### tuple ### allow \w+ (443|80|3478) /,
    );
  });

  it('is as before when the relay does not start', async () => {
    const before = await dump();
    await machine.writeFile(`/etc/systemd/system/${RELAY}.d/fail.conf`, '[Service]\nExecStartPre=/bin/false\n');
    const finished = await machine.npx([...INSTALL, '--open-firewall']);
    await machine.shell(`rm -r /etc/systemd/system/${RELAY}.d && systemctl daemon-reload`);
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toMatch(/✔ open 443\/tcp, 80\/tcp, 3478\/udp in ufw/);
    expect(await dump()).toBe(before);
  });

  it('keeps a rule by which somebody refuses a port, which is told before anything is done', async () => {
    await machine.shell('ufw deny 443/tcp');
    const before = await dump();
    const { problems } = await json([...INSTALL, '--open-firewall'], 2);
    expect(problems).toMatchObject([{ flag: '--open-firewall', code: 'firewall-refuses' }]);
    expect(problems[0]!.rule).toContain('443/tcp');
    const planned = await json(['--dry-run', '--verify', 'none']);
    expect(aboutFirewall(planned)).toMatchObject([
      { code: 'firewall-closed', tool: 'ufw' },
      { code: 'firewall-refuses', ports: ['443/tcp'] },
    ]);
    expect(aboutFirewall(planned)[0]!.commands!.join()).not.toMatch(/\b443\b/);
    expect(await dump()).toBe(before);
    await machine.shell('ufw delete deny 443/tcp');
  });

  it('is tidied up also when it was switched off meanwhile', async () => {
    const before = await machine.shell('cat /etc/ufw/*.rules');
    expect((await json([...INSTALL, '--open-firewall'])).ok).toBe(true);
    expect(await machine.shell('cat /etc/ufw/*.rules')).not.toBe(before);
    await machine.shell('ufw --force disable');
    await uninstall();
    expect(await machine.shell('cat /etc/ufw/*.rules')).toBe(before);
    await machine.shell('ufw --force enable');
  });

  it('stays open over a reboot', async () => {
    expect((await json([...INSTALL, '--open-firewall'])).ok).toBe(true);
    await machine.reboot();
    await until('the relay to be reached', { seconds: 30 }, () => isReached(443));
    expect(await machine.shell('ufw status')).toContain('Status: active');
    await uninstall();
  });
});

describe('rules of nft that keep out what they are not about', () => {
  const rules = `table inet guard {
    chain input { type filter hook input priority filter; policy drop;
      ct state established,related accept
      iif lo accept
      meta l4proto { icmp, ipv6-icmp } accept
      tcp dport 22 accept
    }
  }`;
  beforeAll(async () => {
    await machine.shell('nft -f -', { input: rules });
  });
  afterEach(async () => {
    await machine.shell('nft flush ruleset');
  });

  it('are opened and closed the same way', async () => {
    await expectWholeWay('nftables', /^(tcp|udp) dport (443|80|3478) accept comment "derp-setup"/);
  });

  it('are told of where ufw is in force too, and are left to their owner', async () => {
    await machine.shell('ufw allow 22/tcp; ufw --force enable; nft -f -', { input: rules });
    const document = await json(['--dry-run', '--verify', 'none', '--open-firewall']);
    expect(document.plan).toContainEqual(expect.objectContaining({ kind: 'firewall', subject: 'ufw' }));
    expect(aboutFirewall(document)).toMatchObject([{ code: 'firewall-closed', tool: 'nftables' }]);
    await machine.shell('ufw --force reset && rm -f /etc/ufw/*.rules.20*');
  });
});

describe("rules of iptables as on a provider's image", () => {
  beforeAll(async () => {
    await machine.shell(`for command in iptables ip6tables; do
      $command -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
      $command -A INPUT -i lo -j ACCEPT
      $command -A INPUT -p tcp --dport 22 -j ACCEPT
      $command -A INPUT -j REJECT
    done`);
  });

  it('are opened before the one that turns everybody away, and do not last, which is told', async () => {
    const planned = await json(['--dry-run', '--verify', 'none', '--open-firewall']);
    expect(aboutFirewall(planned)).toMatchObject([{ code: 'firewall-not-lasting', tool: 'iptables' }]);
    await expectWholeWay('iptables', /dport (443|80|3478)\b.*(derp-setup|accept)/i);
  });
});
