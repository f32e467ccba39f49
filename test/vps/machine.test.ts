/** The machines that this suite's tests run on are what they claim to be: fresh, real, apart from the host and each other. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustOnHost } from './support/commands.ts';
import { diffTrees, type FileTree } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { startRegistry } from './support/registry.ts';

let machine: Machine;

beforeAll(async () => {
  machine = await bootMachine({ name: 'harness' });
});
afterAll(() => machine.stop());

describe('a machine', () => {
  it('is a Debian 12 that systemd has started, with nothing failed', async () => {
    expect(await machine.shell('. /etc/os-release; echo "$ID $VERSION_ID"')).toBe('debian 12\n');
    expect((await machine.run('systemctl', ['is-system-running'])).stdout).toBe('running\n');
    expect(await machine.shell('cat /proc/1/comm; hostname; id -un; pwd')).toBe('systemd\nvps\nroot\n/root\n');
  });

  it('has what a small server has and nothing on the ports of a relay', async () => {
    for (const program of ['nginx', 'docker', 'derp-setup']) {
      expect((await machine.run('sh', ['-c', `command -v ${program}`])).code, program).not.toBe(0);
    }
    expect(await machine.shell('ufw status')).toBe('Status: inactive\n');
    expect(await machine.shell('ss -Hltun')).toBe('');
  });

  it('gives exit codes, both outputs and input, and ends what takes too long', async () => {
    const script = 'read line; echo "out $line"; echo "err $COLOUR" >&2; exit 7';
    const finished = await machine.run('sh', ['-c', script], { input: 'hello\n', env: { COLOUR: 'blue' } });
    expect(finished).toEqual({ code: 7, stdout: 'out hello\n', stderr: 'err blue\n' });
    await expect(machine.shell('echo so far; false')).rejects.toThrow(/exit code 1, it printed:\nso far/);
    await expect(machine.run('sleep', ['4321'], { timeout: 0.5 })).rejects.toThrow('took more than 0.5 s');
    expect((await machine.run('pgrep', ['-x', 'sleep'])).code).toBe(1);
  });

  it('runs programs as another user too', async () => {
    await machine.shell('useradd --create-home --shell /bin/bash alice');
    expect(await machine.shell('id -un; pwd; node --version', { user: 'alice' })).toMatch(
      /^alice\n\/home\/alice\nv24\./,
    );
  });

  it('keeps what was written when it reboots, and forgets what was running', async () => {
    await machine.writeFile('/srv/notes/kept.txt', 'kept – 保留\n', 0o600);
    await machine.writeFile('/run/lost.txt', 'lost\n');
    await machine.shell('nft add table inet lost; systemd-run --quiet --unit=lost sleep 1000');
    expect(await machine.exists('/run/lost.txt')).toBe(true);
    const { boots, ipv4 } = machine;
    const cable = () => readFileSync(`/sys/class/net/derpvps${ipv4.split('.').at(-1)}/ifindex`, 'utf8');
    const number = cable();

    await machine.reboot();

    expect(machine.boots).toBe(boots + 1);
    expect(machine.ipv4).toBe(ipv4);
    expect(cable(), 'the cable is the same, so no other machine could take the address meanwhile').toBe(number);
    expect(await machine.readFile('/srv/notes/kept.txt')).toBe('kept – 保留\n');
    expect(await machine.shell('stat -c %a /srv/notes/kept.txt')).toBe('600\n');
    expect(await machine.exists('/run/lost.txt')).toBe(false);
    expect(await machine.shell('nft list ruleset')).toBe('');
    expect((await machine.run('systemctl', ['is-active', 'lost'])).stdout).toBe('inactive\n');
  });
});

describe('its network', () => {
  it('has one address that is no private one, and no way out', async () => {
    const addresses = await machine.shell('ip -o addr show scope global');
    expect([...addresses.matchAll(/ inet6? (\S+)/g)].map(([, address]) => address)).toEqual([`${machine.ipv4}/32`]);
    expect(machine.ipv4).toMatch(/^203\.0\.113\.\d+$/);
    expect(await machine.shell('ip route get 192.0.2.1')).toContain(`src ${machine.ipv4}`);
    expect(await machine.shell('curl -sS --max-time 1 http://192.0.2.1 2>&1 || true')).toMatch(
      /timed out|unreachable/i,
    );
  });

  it('has ports of its own: what listens there is reached from here, and takes no port of this host', async () => {
    const before = await listenersOfThisHost();
    const program = `
      const net = require('node:net');
      for (const port of [443, 80]) net.createServer((socket) => socket.end('TCP ' + port)).listen(port);
      const udp = require('node:dgram').createSocket('udp4').bind(3478);
      udp.on('message', (message, { port, address }) => udp.send('UDP 3478', port, address));
    `;
    await machine.writeFile('/root/listen.cjs', program);
    await machine.shell('systemd-run --quiet --unit=listen /opt/node-24/bin/node /root/listen.cjs');
    await machine.shell('until [ "$(ss -Hltun | wc -l)" = 3 ]; do sleep 0.05; done', { timeout: 10 });

    expect(await textFrom(machine.ipv4, 443)).toBe('TCP 443');
    expect(await textFrom(machine.ipv4, 80)).toBe('TCP 80');
    expect(await datagramFrom(machine.ipv4, 3478)).toBe('UDP 3478');
    expect(await listenersOfThisHost()).toBe(before);
    await machine.shell('systemctl stop listen');
  });

  it('reaches what a test listens on here', async () => {
    const server = createServer((socket) => socket.end(`hello ${socket.remoteAddress}`));
    await new Promise<void>((resolve) => server.listen(0, machine.host.ipv4, resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const script = `exec 3<>/dev/tcp/${machine.host.ipv4}/${port}; cat <&3`;
      expect((await machine.run('bash', ['-c', script])).stdout).toBe(`hello ${machine.ipv4}`);
    } finally {
      server.close();
    }
  });

  it('is not that of another machine, which is as fresh as the first one was and has what it was booted with', async () => {
    const other = await bootMachine({ name: 'harness-other', image: 'nginx', network: { ipv6: true }, node: 20 });
    try {
      expect(other.ipv4).not.toBe(machine.ipv4);
      expect(await other.exists('/srv/notes/kept.txt')).toBe(false);
      expect(await other.shell('ip -o -6 addr show scope global')).toContain(` ${other.ipv6}/128 `);
      expect(await other.shell('node --version')).toMatch(/^v20\./);
      const page = await fetch(`http://[${other.ipv6}]/`, { signal: AbortSignal.timeout(5000) });
      expect(await page.text()).toContain('Welcome to nginx!');
      expect(machine.isRunning).toBe(true);
    } finally {
      await other.stop();
    }
    expect(other.isRunning).toBe(false);
    await expect(other.run('true')).rejects.toThrow('is not running');
  });
});

describe('looking at its files', () => {
  let before: FileTree;
  beforeAll(async () => {
    await machine.shell('mkdir -p /etc/demo /var/lib/demo; printf "one\\ntwo\\n" >/etc/demo/notes');
    await machine.shell('printf secret >/var/lib/demo/key; ln -s v1 /var/lib/demo/current; touch /var/lib/demo/gone');
    before = machine.fileTree();
  });

  it('sees all of the disk, and nothing where nothing was done', async () => {
    expect(before.size).toBeGreaterThan(5000);
    const binary = before.get('/usr/bin/systemctl');
    expect(binary).toMatchObject({
      kind: 'file',
      mode: '0755',
      owner: '0:0',
      content: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(before.get('/bin')).toMatchObject({ kind: 'link', content: 'usr/bin' });
    for (const path of ['/proc/1', '/run/systemd', '/var/log/journal', '/opt/node-24/bin'])
      expect(before.has(path), path).toBe(false);
    // Even a reboot and a service that ran change nothing that counts.
    await machine.shell('systemd-run --quiet --wait --collect true');
    await machine.reboot();
    expect(diffTrees(before, machine.fileTree())).toEqual([]);
  });

  it('finds every kind of change', async () => {
    await machine.shell(`
      printf "one\\nthree\\n" >/etc/demo/notes
      touch -d @0 /var/lib/demo/key; printf public >/var/lib/demo/key; chmod 4640 /var/lib/demo/key
      chown 0:42 /etc/demo
      ln -sfn v2 /var/lib/demo/current
      rm /var/lib/demo/gone
      mkdir /srv/new
    `);
    expect(diffTrees(before, machine.fileTree())).toEqual([
      '~ /etc/demo owner 0:0 → 0:42',
      expect.stringMatching(/^~ \/etc\/demo\/notes content of [\s\S]*\n one\n-two\n\+three$/),
      '+ /srv/new directory 0755 0:0',
      '~ /var/lib/demo/current target v1 → v2',
      '- /var/lib/demo/gone file 0644 0:0',
      '~ /var/lib/demo/key mode 0644 → 4640, content',
    ]);
    const left = machine.fileTree(['/srv', '/etc/demo'], ['/etc/demo/notes']);
    expect([...left.keys()]).toEqual(['/srv', '/srv/new', '/srv/notes', '/srv/notes/kept.txt', '/etc/demo']);
    expect(() => machine.fileTree(['/bin/bash'])).toThrow('leads through the link /bin');
  });
});

describe('its terminal', () => {
  it('shows, takes keys, and tells how the program ended', async () => {
    const terminal = machine.terminal();
    await terminal.start(
      `bash -c 'read -p "Name? 名字？ " x; echo "got $x"; read -rsn 3 y; printf "%q\\n" "$y"; exit 3'`,
    );
    expect(await terminal.waitFor('Name?')).toBe('Name? 名字？');
    await terminal.type('Änne $HOME; 李');
    await terminal.key('BSpace', 'Enter');
    expect(await terminal.waitFor(/^got /m)).toContain('got Änne $HOME;');
    await terminal.key('Down');
    await terminal.waitFor("$'\\E");
    expect(await terminal.waitForExit()).toBe(3);
    expect(await terminal.screen()).toMatch(/^Name\? .*李?\ngot Änne \$HOME; ?\n/);
    await expect(terminal.waitFor('more')).rejects.toThrow(
      /ended with exit code 3 before[\s\S]*the terminal shows[\s\S]*got Änne/,
    );
    await terminal.close();
  });

  it('has the size it was given, keeps what scrolls away, and passes Ctrl-C and hanging up on', async () => {
    const terminal = machine.terminal({ columns: 100, rows: 12, env: { GREETING: 'hello' } });
    await terminal.start(
      'trap "echo hung up >/root/hangup" HUP; stty size; echo $GREETING; seq 100; sleep 1000 & wait',
    );
    expect((await terminal.waitFor(/^100$/m)).split('\n').length).toBeLessThanOrEqual(12);
    expect(await terminal.history()).toMatch(/^12 100\nhello\n1\n2\n/);
    await terminal.close();
    await machine.shell('until [ -e /root/hangup ]; do sleep 0.05; done', { timeout: 30 });
    await terminal.start('echo begun; sleep 1000');
    // Before that Ctrl-C would find the terminal's own shell alone, which goes on.
    await terminal.waitFor('begun');
    await terminal.key('C-c');
    expect(await terminal.waitForExit()).toBe(130);
  });
});

describe('the package on it', () => {
  it.each([20, 24, 26] as const)('runs by npx on Node %i', async (node) => {
    const finished = await machine.npx(['--version'], { node });
    expect(finished).toMatchObject({ code: 0, stdout: `${machine.package.version}\n` });
  });

  it('runs in a terminal as it is typed there', async () => {
    const terminal = machine.terminal();
    await terminal.start(machine.npxCommand(['--version']));
    await terminal.waitFor(machine.package.version);
    expect(await terminal.waitForExit()).toBe(0);
  });

  it("says on Debian 12's own Node what to type instead, in one line", async () => {
    const { code, stdout, stderr } = await machine.npx([], { node: 18 });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(ownLines(stderr)).toEqual([
      'derp-setup: Node 18.20.4 is too old (20.19 or 22.12 at least); type:  npx -y -p node@24 -p derp-setup derp-setup',
    ]);
  });

  it('runs by the very commands of the README, from a registry', async () => {
    const registry = await startRegistry(machine);
    // What npm has cached it does not download again.
    await machine.shell('rm -rf /root/.npm');
    try {
      const plain = ['--yes', 'derp-setup', '--version'];
      expect(await machine.run('npx', plain, { env: registry.env, timeout: 60 })).toMatchObject({
        code: 0,
        stdout: `${machine.package.version}\n`,
      });
      expect(registry.requests).toContain(`GET /derp-setup/-/${machine.package.file}`);

      // On a terminal the old Node's sentence comes with an offer to do as it says.
      const terminal = machine.terminal({ node: 18, env: registry.env });
      await terminal.start('npx --yes derp-setup --version');
      await terminal.waitFor('Do that now?', 60);
      await terminal.type('y');
      await terminal.key('Enter');
      await terminal.waitFor(new RegExp(`^${machine.package.version}$`, 'm'), 60);
      expect(await terminal.waitForExit()).toBe(0);

      const newer = ['-y', '-p', 'node@24', '-p', 'derp-setup', 'derp-setup', '--version'];
      expect(await machine.run('npx', newer, { node: 18, env: registry.env, timeout: 60 })).toMatchObject({
        code: 0,
        stdout: `${machine.package.version}\n`,
      });
    } finally {
      await registry.close();
    }
  });

  it('is small, and holds what is needed to run and nothing that was needed to make it', () => {
    const { bytes, files } = machine.package;
    expect(bytes).toBeLessThan(1_000_000);
    expect(files).toContain('bin/derp-setup.cjs');
    expect(files).toContain('dist/derp-setup.js');
    expect(files.filter((path) => /^(src|test|scripts|node_modules)\//.test(path))).toEqual([]);
  });
});

/** What listens on the ports of a relay on the machine that the tests run on. */
async function listenersOfThisHost(): Promise<string> {
  return await mustOnHost(['ss', '-Hltun', 'sport = :443 or sport = :80 or sport = :3478']);
}

/** All that a TCP server says. */
async function textFrom(host: string, port: number): Promise<string> {
  return await text(connect({ host, port, timeout: 5000 }));
}

/** What a UDP server answers. */
async function datagramFrom(host: string, port: number): Promise<string> {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer from ${host}:${port}`)), 5000);
      socket.once('message', (message) => {
        clearTimeout(timer);
        resolve(message.toString());
      });
      socket.send('hello', port, host);
    });
  } finally {
    socket.close();
  }
}

/** The lines that are not npm's own. */
function ownLines(output: string): string[] {
  return output.split('\n').filter((line) => line !== '' && !/^npm (warn|notice)/i.test(line));
}
