/** An installed version gives way to a newer one, or stays when that does not work. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { diffTrees } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { packVersion } from './support/package.ts';
import { until } from './support/wait.ts';

const OLD = '0.0.9';
const SETUP = '/usr/local/bin/derp-setup';
const RELAY = 'derp-relay.service';
const PROGRAMS = '/usr/local/lib/derp-setup';
const PLACES = ['/etc', '/usr', '/var', '/root'];
const NOT_OURS = ['/root/.npm'];

/** The relay, of which no datagram leaves. */
const NO_STUN = "import d from 'node:dgram'; d.Socket.prototype.send = () => {}; await import('./good.js');";

/** What an upgrade has nothing to do with: the relay's key, its certificate, the answers, the map. */
const KEPT = `cd /etc/derp-setup && cat /var/lib/derp-setup/derper.key certs/* config.json relay.json derp-map.json`;

let machine: Machine;
/** The package under test, and what it is an upgrade from. */
let version: string;
let old: string;

beforeAll(async () => {
  machine = await bootMachine({ name: 'upgrade' });
  version = machine.package.version;
  old = await packVersion(OLD);
  const { code, stderr } = await machine.npx(['--yes', '--verify', 'none', '--region-id', '917'], {}, old);
  expect(code, stderr).toBe(0);
});
afterAll(() => machine.stop());

const current = async () => (await machine.shell(`readlink ${PROGRAMS}/current`)).trim();
const mainPid = async () => (await machine.shell(`systemctl show ${RELAY} --property=MainPID --value`)).trim();
const tree = () => machine.fileTree(PLACES, NOT_OURS);
const status = async () => JSON.parse((await machine.run(SETUP, ['status', '--json'], { timeout: 60 })).stdout);

async function json(args: readonly string[], code = 0, file?: string) {
  const { code: got, stdout, stderr } = await machine.npx([...args, '--json'], { timeout: 90 }, file);
  expect(got, stderr + stdout).toBe(code);
  return JSON.parse(stdout);
}

/** The relay serves, as the version that this says, and clients get in. */
async function expectToServe(expected: string): Promise<void> {
  expect(await current()).toBe(expected);
  const { code, stdout } = await machine.run(SETUP, ['--version']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${expected}\n` });
  expect(await status()).toMatchObject({ ok: true, versions: { running: expected, installed: expected } });
  const client = await connectDerp({ host: machine.ipv4, trust: { kind: 'none' } });
  client.close();
}

describe('an older version that is installed', () => {
  it('serves, and its own upgrade says how the newest is fetched', async () => {
    await expectToServe(OLD);
    const { code, stdout } = await machine.run(SETUP, ['upgrade', '--yes']);
    expect(code).toBe(0);
    expect(stdout).toContain('npx --yes derp-setup@latest upgrade');
  });

  it('is shown what would be done, and left', async () => {
    const before = tree();
    const { dryRun, plan } = await json(['upgrade', '--dry-run']);
    expect(dryRun).toBe(true);
    const kinds = plan.map(({ kind }: { kind: string }) => kind);
    for (const kind of ['programs', 'link', 'service']) expect(kinds).toContain(kind);
    // Nothing of what was answered changes.
    expect(plan.map(({ subject }: { subject: string }) => subject)).not.toContain('/etc/derp-setup/config.json');
    const unasked = await machine.npx(['upgrade']);
    expect(unasked.code).toBe(2);
    expect(unasked.stderr).toMatch(/--yes +is missing/);
    expect(diffTrees(before, tree())).toEqual([]);
  });
});

describe('a newer version that does not work', () => {
  it.each([
    ['ends at once', '0.9.1', 'process.stderr.write("no relay today\\n"); process.exit(1);', 'no relay today'],
    ['serves, but answers no STUN', '0.9.2', NO_STUN, '✖ STUN'],
  ])('goes by itself when the relay %s', async (_, name, program, said) => {
    const damaged = await packVersion(name, (folder) => {
      renameSync(join(folder, 'dist/derp-relay.js'), join(folder, 'dist/good.js'));
      writeFileSync(join(folder, 'dist/derp-relay.js'), `${program}\n`);
    });
    const before = tree();
    const finished = await machine.npx(['upgrade', '--yes'], { timeout: 120 }, damaged);
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toContain(said);
    expect(finished.stderr).toContain('Everything was put back as it was.');
    expect(diffTrees(before, tree())).toEqual([]);
    await expectToServe(OLD);
  });

  it('goes by itself when it cannot even be installed whole', async () => {
    const damaged = await packVersion('0.9.3', (folder) => rmSync(join(folder, 'bin/derp-relay.cjs')));
    const before = tree();
    const { code, stderr } = await machine.npx(['upgrade', '--yes'], { timeout: 120 }, damaged);
    expect(code, stderr).toBe(1);
    expect(diffTrees(before, tree())).toEqual([]);
    await expectToServe(OLD);
  });
});

describe('an upgrade that is interrupted', () => {
  /** Starts the upgrade, and sends it a signal once it has set up the new programs. */
  const interrupted = async (signal: string) => {
    const script = `${machine.npxCommand(['upgrade', '--yes', '--json'])} >/root/upgrade.json 2>/root/upgrade.log &
      until [ "$(readlink ${PROGRAMS}/current)" = ${version} ]; do sleep 0.01; done
      kill -${signal} "$(grep -o '[0-9]*' /run/derp-setup.lock | head -n 1)"
      code=0; wait $! || code=$?; echo "code $code"; rm -f /root/upgrade.json; cat /root/upgrade.log >&2; rm /root/upgrade.log`;
    return await machine.run('bash', ['-c', script], { timeout: 90 });
  };

  it('goes back, and the old version serves', async () => {
    const before = tree();
    const { stdout, stderr } = await interrupted('INT');
    expect(stdout, stderr).toContain('code 130');
    expect(diffTrees(before, tree())).toEqual([]);
    await expectToServe(OLD);
  });

  it('is made good by the next run when it was killed half-way', async () => {
    const { stdout, stderr } = await interrupted('KILL');
    expect(stdout, stderr).toMatch(/code [1-9]/);
    // The relay that ran still does.
    await until('the relay to answer', { seconds: 20 }, async () => (await status()).service?.active === 'active');
    expect((await json(['upgrade', '--yes'])).ok).toBe(true);
    await expectToServe(version);
    expect(await machine.shell(`ls -A ${PROGRAMS}`)).toBe(`${OLD}\n${version}\ncurrent\n`);
  });
});

describe('the newer version', () => {
  it('takes its place in one move, keeps keys and answers, and proves itself', async () => {
    await machine.run(SETUP, ['uninstall', '--yes'], { timeout: 60 });
    expect((await json(['--yes', '--verify', 'none', '--region-id', '917'], 0, old)).ok).toBe(true);
    const pid = await mainPid();
    const kept = await machine.shell(KEPT);
    const inode = await machine.shell(`stat -c %i ${PROGRAMS}/${OLD}/dist/derp-relay.js`);
    const watch = `missing=0; until [ -e /root/done ]; do [ -x ${PROGRAMS}/current/bin/derp-relay.cjs ] || missing=1; done; echo "missing $missing"`;
    const watching = machine.shell(watch, { timeout: 120 });
    const document = await json(['upgrade', '--yes']);
    await machine.shell('touch /root/done');
    expect(document).toMatchObject({ ok: true, version, verification: { ok: true } });
    expect(await watching).toBe('missing 0\n');
    expect(await mainPid()).not.toBe(pid);
    await expectToServe(version);
    // The one before stays as it was, beside it.
    expect(await machine.shell(`stat -c %i ${PROGRAMS}/${OLD}/dist/derp-relay.js`)).toBe(inode);
    expect(await machine.shell(KEPT)).toBe(kept);
  });

  it('has nothing to do a second time', async () => {
    const pid = await mainPid();
    expect((await json(['upgrade', '--yes'])).plan).toEqual([]);
    expect(await mainPid()).toBe(pid);
  });

  it('is not replaced by an older one, whichever command that is given', async () => {
    const before = tree();
    for (const args of [
      ['upgrade', '--yes'],
      ['--yes', '--derp-port', '8443'],
    ]) {
      const { problems } = await json(args, 2, old);
      expect(problems).toMatchObject([{ code: 'older-version' }]);
      expect(problems[0].rule).toContain(version);
      expect(problems[0].remedy).toContain('uninstall');
    }
    expect(diffTrees(before, tree())).toEqual([]);
    await expectToServe(version);
  });
});

describe('without an installation', () => {
  it('there is nothing to upgrade', async () => {
    await machine.run(SETUP, ['uninstall', '--yes', '--purge'], { timeout: 60 });
    const { code, stderr } = await machine.npx(['upgrade', '--yes']);
    expect(code).toBe(1);
    expect(stderr).toContain('Nothing is installed here.');
  });
});
