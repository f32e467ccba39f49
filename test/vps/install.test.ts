/** An installation from the first run to the last, in a script: install, nothing to do, change, crash, reboot, remove. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffTrees, type FileTree } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { NOT_OURS } from './support/not-ours.ts';
import { until } from './support/wait.ts';

const UNIT = 'derp-relay.service';

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({ name: 'install' });
  pristine = machine.fileTree(['/'], NOT_OURS);
});
afterAll(() => machine.stop());

const property = async (name: string) =>
  (await machine.shell(`systemctl show ${UNIT} --property=${name} --value`)).trim();
const mainPid = () => property('MainPID');
/** The installed command, as people type it. */
const installed = (args: readonly string[]) => machine.run('/usr/local/bin/derp-setup', args, { timeout: 60 });

/** A run that must end with this exit code; its JSON document. */
async function json(args: readonly string[], code = 0) {
  const finished = await machine.npx([...args, '--json']);
  expect(finished.code, finished.stderr + finished.stdout).toBe(code);
  return JSON.parse(finished.stdout);
}

describe('a first run', () => {
  it('says in a script what it would do, and does nothing', async () => {
    const { plan } = await json(['--dry-run', '--verify', 'none']);
    const kinds = new Set(plan.map(({ kind }: { kind: string }) => kind));
    for (const kind of ['user', 'programs', 'file', 'enable', 'service']) expect(kinds).toContain(kind);
    expect(diffTrees(pristine, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
  });

  it('wants to be told who may use the relay, and to be told to install', async () => {
    const open = await machine.npx(['--yes']);
    expect(open).toMatchObject({ code: 2, stdout: '' });
    expect(open.stderr).toMatch(/--verify +must be chosen/);
    const unasked = await machine.npx(['--verify', 'none']);
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toMatch(/--yes +is missing/);
    expect(diffTrees(pristine, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
  });

  it('installs a relay that serves, and proves it', async () => {
    const began = Date.now();
    const document = await json(['--yes', '--verify', 'none', '--region-id', '901', '--region-name', 'Testing']);
    const seconds = (Date.now() - began) / 1000;
    console.log(`from npx to a verified relay: ${seconds.toFixed(1)} s; package ${machine.package.bytes} bytes`);
    expect(document).toMatchObject({
      ok: true,
      host: machine.ipv4,
      ports: { derp: 443, http: 80, stun: 3478 },
      deploy: 'systemd',
      verification: { ok: true },
    });
    expect(document.derpMap.Regions['901'].Nodes[0]).toMatchObject({ HostName: machine.ipv4, CanPort80: true });
    expect(await property('ActiveState')).toBe('active');
    expect(await machine.shell(`systemctl is-enabled ${UNIT} derp-setup-renew.timer`)).toBe('enabled\nenabled\n');
    expect(await machine.shell('systemctl is-active derp-setup-renew.timer')).toBe('active\n');
  });

  it('runs the relay as a user of its own, with keys that nobody else may read', async () => {
    expect(await machine.shell(`ps -o user= -p ${await mainPid()}`)).toBe('derp-relay\n');
    const modes = await machine.shell(
      'stat -c "%a %U %n" /var/lib/derp-setup /var/lib/derp-setup/derper.key /etc/derp-setup/certs/*',
    );
    expect(modes.trim().split('\n')).toEqual([
      '700 derp-relay /var/lib/derp-setup',
      '600 derp-relay /var/lib/derp-setup/derper.key',
      `644 derp-relay /etc/derp-setup/certs/${machine.ipv4}.crt`,
      `600 derp-relay /etc/derp-setup/certs/${machine.ipv4}.key`,
    ]);
    expect(await machine.shell('grep derp-relay /etc/passwd')).toMatch(/nologin$/m);
  });

  it('is hardened as far as systemd can say', async () => {
    const report = await machine.shell(`systemd-analyze security --no-pager ${UNIT}`);
    const score = Number(/exposure level for .*: ([\d.]+)/.exec(report)?.[1]);
    console.log(`systemd-analyze security: ${score}`);
    expect(score).toBeLessThanOrEqual(2);
    expect(await machine.shell('systemd-analyze verify derp-relay.service derp-setup-renew.timer 2>&1')).toBe('');
  });
});

describe('afterwards', () => {
  it('a second run does nothing', async () => {
    const [pid, tree] = [await mainPid(), machine.fileTree(['/'], NOT_OURS)];
    const finished = await machine.npx(['--yes']);
    expect(finished).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect(await mainPid()).toBe(pid);
    expect(diffTrees(tree, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
  });

  it('the installed command does the same', async () => {
    expect(await installed(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect((await installed(['--version'])).stdout).toBe((await machine.npx(['--version'])).stdout);
  });

  it('a change of one port changes that and nothing else', async () => {
    const document = await json(['--yes', '--derp-port', '8443']);
    expect(document).toMatchObject({ ok: true, ports: { derp: 8443, http: 80, stun: 3478 } });
    expect(document.derpMap.Regions['901']).toMatchObject({ RegionName: 'Testing', Nodes: [{ DERPPort: 8443 }] });
    expect(await machine.shell('ss -Hltn "sport = :443"')).toBe('');
  });

  it('a unit that was changed by hand is shown, not overwritten', async () => {
    const path = `/etc/systemd/system/${UNIT}`;
    await machine.shell(`sed -i s/RestartSec=2/RestartSec=3/ ${path} && systemctl daemon-reload`);
    const refused = await machine.npx(['--yes', '--derp-port', '443']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('-RestartSec=3');
    expect(refused.stderr).toContain('+RestartSec=2');
    expect(refused.stderr).toMatch(/changed by hand/);
    expect(await machine.readFile(path)).toContain('RestartSec=3');
    expect((await json(['--yes', '--derp-port', '443', '--overwrite'])).ok).toBe(true);
    expect(await machine.readFile(path)).toContain('RestartSec=2');
  });

  it('two runs at once are one too many', async () => {
    const script = `( sleep 8 & exec ${machine.npxCommand(['--yes', '--derp-port', '9443', '--json'])} ) >/root/first.json 2>&1 &
      first=$!
      until [ -e /run/derp-setup.lock ]; do sleep 0.02; done
      code=0; ${machine.npxCommand(['--yes', '--derp-port', '443'])} || code=$?
      echo "second: $code"; wait $first; echo "first: $?"`;
    const finished = await machine.run('sh', ['-c', script], { timeout: 60 });
    expect(finished.stdout).toMatch(/second: [01]\nfirst: 0/);
    if (finished.stdout.includes('second: 1'))
      expect(finished.stderr).toMatch(/another derp-setup is at work \(pid \d+\)/);
    await machine.shell('rm -f /root/first.json');
    expect((await json(['--yes', '--derp-port', '443'])).ok).toBe(true);
  });

  it('a relay that is killed is back by itself', async () => {
    const pid = await mainPid();
    await machine.shell(`kill -9 ${pid}`);
    await until('the relay to be back', { seconds: 15 }, async () => {
      const now = await mainPid();
      return now !== pid && now !== '0' && (await machine.shell('ss -Hltn "sport = :443"')) !== '';
    });
    const probe = await installed(['status', '--json']);
    expect(probe.code, probe.stderr).toBe(0);
  });

  it('it serves after a reboot', async () => {
    await machine.reboot();
    await until('the relay to serve', { seconds: 20 }, async () => (await installed(['status'])).code === 0);
    expect((await json(['--yes'])).plan).toEqual([]);
  });
});

describe('uninstall', () => {
  it('lists what would go, and leaves it', async () => {
    const tree = machine.fileTree(['/'], NOT_OURS);
    const { code, stdout } = await installed(['uninstall', '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toContain('derp-relay.service');
    expect((await installed(['uninstall'])).code).toBe(2);
    expect(diffTrees(tree, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
  });

  it('removes everything but keys and certificates, which only root may read then', async () => {
    const finished = await installed(['uninstall', '--yes']);
    expect(finished.code, finished.stderr).toBe(0);
    const left = diffTrees(pristine, machine.fileTree(['/'], NOT_OURS)).map((line) => line.split(/\s+/)[1] ?? line);
    const kept = [
      '/etc/derp-setup',
      '/etc/derp-setup/certs',
      `/etc/derp-setup/certs/${machine.ipv4}.crt`,
      `/etc/derp-setup/certs/${machine.ipv4}.key`,
      '/var/lib/derp-setup',
      '/var/lib/derp-setup/derper.key',
    ];
    expect(left.filter((line) => line.includes('derp')).sort()).toEqual(kept);
    expect(await machine.shell('find /etc/derp-setup /var/lib/derp-setup ! -user root')).toBe('');
    expect((await machine.run('systemctl', ['cat', UNIT])).code).not.toBe(0);
  });

  it('an installation afterwards goes on with the same key and certificate', async () => {
    const pin = await machine.shell(
      `openssl x509 -in /etc/derp-setup/certs/${machine.ipv4}.crt -noout -fingerprint || true`,
    );
    expect((await json(['--yes', '--verify', 'none'])).ok).toBe(true);
    const again = await machine.shell(
      `openssl x509 -in /etc/derp-setup/certs/${machine.ipv4}.crt -noout -fingerprint || true`,
    );
    expect(again).toBe(pin);
  });

  it('leaves no trace with --purge', async () => {
    expect((await installed(['uninstall', '--purge', '--yes'])).code).toBe(0);
    expect(diffTrees(pristine, machine.fileTree(['/'], NOT_OURS))).toEqual([]);
    expect((await machine.npx(['uninstall', '--yes'])).stdout).toBe('Nothing is installed here.\n');
  });
});
