/** The relay in a container, from the first run to the last: install, nothing to do, change, crash, reboot, remove. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChain } from '../setup/certificate/authority.ts';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import type { Machine } from '../vps/support/machine.ts';
import { NOT_OURS } from '../vps/support/not-ours.ts';
import { until } from '../vps/support/wait.ts';
import {
  bootDockerMachine,
  CONTAINER,
  DOCKERS,
  everything,
  identity,
  inspect,
  PROJECT_FOLDER,
} from './support/engine.ts';

const EXCEPT = [...NOT_OURS, ...DOCKERS, '/root/own.crt', '/root/own.key', '/root/authority.crt'];

let machine: Machine;
let pristine: FileTree;

/** Tailscale's client wants a name where an authority stands behind the certificate. */
const HOST = 'relay.example';
const OWN = ['--host', HOST, '--cert', 'manual', '--cert-file', '/root/own.crt', '--key-file', '/root/own.key'];

/** Puts a new certificate where the user has them, as a tool for that does. */
async function writeOwnCertificate(): Promise<void> {
  const { root, intermediate, leaf, key } = await makeChain({ type: 'dns', value: HOST });
  await machine.writeFile('/root/authority.crt', root);
  await machine.writeFile('/root/own.key', key, 0o600);
  await machine.writeFile('/root/own.crt', leaf + intermediate);
}

beforeAll(async () => {
  machine = await bootDockerMachine('compose');
  await machine.shell(`echo ${machine.ipv4} ${HOST} >>/etc/hosts`);
  await writeOwnCertificate();
  pristine = machine.fileTree(['/'], EXCEPT);
});
afterAll(() => machine?.stop());

const installed = (args: readonly string[]) => machine.run('/usr/local/bin/derp-setup', args, { timeout: 90 });

/** A run that must end with this exit code; its JSON document. */
async function json(args: readonly string[], code = 0) {
  const finished = await machine.npx([...args, '--json'], { timeout: 120 });
  expect(finished.code, finished.stderr + finished.stdout).toBe(code);
  return JSON.parse(finished.stdout);
}

/** The lines of the relay's process that say who it is and what it may do. */
async function privileges(): Promise<Record<string, string>> {
  const status = await machine.readFile(`/proc/${await inspect(machine, '.State.Pid')}/status`);
  const lines = [...status.matchAll(/^(Uid|Gid|Groups|Cap\w+|NoNewPrivs):[ \t]*(.*?)[ \t]*$/gm)];
  return Object.fromEntries(lines.map(([, name, value]) => [name!, value!.replace(/\s+/g, ' ')]));
}

const relayUser = async () => Number(await machine.shell('id -u derp-relay'));

describe('a first run', () => {
  it('says what it would do, and does nothing', async () => {
    const { plan } = await json(['--deploy', 'compose', '--dry-run', '--verify', 'none', ...OWN]);
    const kinds = new Set(plan.map(({ kind }: { kind: string }) => kind));
    for (const kind of ['user', 'programs', 'file', 'enable', 'compose']) expect(kinds).toContain(kind);
    expect(kinds).not.toContain('service');
    expect(diffTrees(pristine, machine.fileTree(['/'], EXCEPT))).toEqual([]);
  });

  it('installs a relay that serves, and proves it', async () => {
    const began = Date.now();
    const document = await json(['--deploy', 'compose', '--yes', '--verify', 'none', '--region-id', '901', ...OWN]);
    console.log(`from npx to a verified relay in a container: ${((Date.now() - began) / 1000).toFixed(1)} s`);
    expect(document).toMatchObject({
      ok: true,
      host: HOST,
      ports: { derp: 443, http: 80, stun: 3478 },
      deploy: 'compose',
      verification: { ok: true },
    });
    expect(await inspect(machine, '.State.Status')).toBe('running');
    expect(await machine.shell('systemctl is-active derp-setup-renew.timer')).toBe('active\n');
    expect((await machine.run('systemctl', ['cat', 'derp-relay.service'])).code).not.toBe(0);
  });

  it('wrote what Compose reads without a word', async () => {
    const { code, stderr } = await machine.run('docker', ['compose', 'config'], { cwd: PROJECT_FOLDER });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const secrets = await machine.shell(`grep -rlE 'PRIVATE|privkey' ${PROJECT_FOLDER} || true`);
    expect(secrets).toBe('');
  });

  it('runs the relay as a user of its own, with the one capability that its ports take', async () => {
    const uid = await relayUser();
    const bind = '0000000000000400';
    expect(await privileges()).toEqual({
      Uid: `${uid} ${uid} ${uid} ${uid}`,
      Gid: `${uid} ${uid} ${uid} ${uid}`,
      Groups: '',
      CapInh: bind,
      CapPrm: bind,
      CapEff: bind,
      CapBnd: bind,
      CapAmb: bind,
      NoNewPrivs: '1',
    });
    const written = await machine.run('docker', ['exec', CONTAINER, 'touch', '/etc/x', '/usr/local/lib/derp-setup/x']);
    expect(written.stderr.match(/Read-only file system/g)).toHaveLength(2);
  });

  it("satisfies Tailscale's derpprobe", async () => {
    const map = { Regions: (await json(['derp-map'])).Regions };
    await machine.writeFile('/root/map.json', JSON.stringify(map));
    const flags = ['-derp-map', 'file:///root/map.json', '-once', '-spread=false'];
    const env = { SSL_CERT_FILE: '/root/authority.crt' };
    const { code, stderr } = await machine.run('/opt/tailscale/derpprobe', flags, { env, timeout: 90 });
    await machine.shell('rm /root/map.json');
    expect(code, stderr).toBe(0);
    // Of UDP it asks addresses that the map names only; the host is a name here, and derp-setup's own proof has asked STUN.
    for (const check of ['tls', 'mesh']) expect(stderr).toMatch(new RegExp(`good: derp/myderp/901a/\\S*${check}: `));
  });

  it("sees its clients' own addresses", async () => {
    const { stdout } = await machine.run('docker', ['logs', CONTAINER]);
    const log = stdout || (await machine.run('docker', ['logs', CONTAINER])).stderr;
    const connected = log.split('\n').filter((line) => line.includes('client_connected'));
    const addresses = new Set(connected.map((line) => JSON.parse(line).address));
    console.log(`client addresses as the relay saw them: ${[...addresses].join(', ')}`);
    expect([...addresses]).toEqual([machine.ipv4]);
  });

  it('becomes healthy', async () => {
    await until('the check', { seconds: 60, pauseMs: 500 }, async () => {
      return (await inspect(machine, '.State.Health.Status')) === 'healthy';
    });
  });

  it('shows the container in status', async () => {
    const status = JSON.parse((await installed(['status', '--json'])).stdout);
    expect(status).toMatchObject({
      ok: true,
      target: 'compose',
      container: { name: CONTAINER, status: 'running', health: 'healthy', restarts: 0, startsAtBoot: true },
      renewal: { active: true },
    });
    const { stdout } = await installed(['doctor', '--json']);
    const findings = JSON.parse(stdout).findings.map(
      ({ id, level }: { id: string; level: string }) => `${level} ${id}`,
    );
    expect(findings.filter((finding: string) => finding.startsWith('failed'))).toEqual([]);
    expect(findings).toContain('ok container-runs');
  });
});

describe('afterwards', () => {
  it('a second run does nothing', async () => {
    const [before, tree] = [await identity(machine), machine.fileTree(['/'], EXCEPT)];
    const finished = await machine.npx(['--yes']);
    expect(finished).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect(await identity(machine)).toBe(before);
    expect(diffTrees(tree, machine.fileTree(['/'], EXCEPT))).toEqual([]);
  });

  it('a renewed certificate arrives in the container that runs', async () => {
    const before = await identity(machine);
    await writeOwnCertificate();
    const renewed = await installed(['renew']);
    expect(renewed.code, renewed.stderr).toBe(0);
    const served = `openssl s_client -connect ${machine.ipv4}:443 -servername ${HOST} </dev/null 2>/dev/null`;
    const fingerprint = 'openssl x509 -noout -fingerprint';
    expect(await machine.shell(`${served} | ${fingerprint}`)).toBe(
      await machine.shell(`${fingerprint} -in /root/own.crt`),
    );
    expect(await identity(machine)).toBe(before);
  });

  it('without ports below 1024 the container is never root', async () => {
    const document = await json(['--yes', '--derp-port', '8443', '--http-port', '-1']);
    expect(document).toMatchObject({ ok: true, ports: { derp: 8443, http: -1, stun: 3478 } });
    const uid = await relayUser();
    expect(await inspect(machine, '.Config.User')).toBe(`${uid}:${uid}`);
    expect(await privileges()).toMatchObject({
      Uid: `${uid} ${uid} ${uid} ${uid}`,
      CapEff: '0000000000000000',
      NoNewPrivs: '1',
    });
    expect(await machine.shell('ss -Hltn "sport = :443"')).toBe('');
    expect((await json(['--yes', '--derp-port', '443', '--http-port', '80'])).ok).toBe(true);
  });

  it('a compose.yaml that was changed by hand is shown, not overwritten', async () => {
    const path = `${PROJECT_FOLDER}/compose.yaml`;
    await machine.shell(`sed -i 's/stop_grace_period: 15s/stop_grace_period: 16s/' ${path}`);
    const refused = await machine.npx(['--yes', '--stun-port', '3479']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('-    stop_grace_period: 16s');
    expect(refused.stderr).toMatch(/changed by hand.*compose\.override\.yaml/s);
    expect((await json(['--yes', '--overwrite'])).ok).toBe(true);
    expect(await machine.readFile(path)).toContain('stop_grace_period: 15s');
  });

  it('what people add in a file of their own is kept', async () => {
    const path = `${PROJECT_FOLDER}/compose.override.yaml`;
    await machine.writeFile(path, 'services: {derp-relay: {labels: {kept: "yes"}}}\n');
    expect((await json(['--yes', '--stun-port', '3479'])).ok).toBe(true);
    expect(await inspect(machine, '.Config.Labels.kept')).toBe('yes');
    await machine.shell(`rm ${path}`);
    expect((await json(['--yes', '--stun-port', '3478'])).ok).toBe(true);
  });

  it('a relay that is killed is back by itself', async () => {
    const pid = await inspect(machine, '.State.Pid');
    await machine.shell(`kill -9 ${pid}`);
    await until('the relay to be back', { seconds: 30, pauseMs: 300 }, async () => {
      return (await inspect(machine, '.State.Pid')) !== pid && (await installed(['status'])).code === 0;
    });
    expect(await inspect(machine, '.RestartCount')).toBe('1');
  });

  it('it serves after a reboot', async () => {
    await machine.reboot();
    await until(
      'the relay to serve',
      { seconds: 60, pauseMs: 500 },
      async () => (await installed(['status'])).code === 0,
    );
    expect((await json(['--yes'])).plan).toEqual([]);
  });
});

describe('uninstall', () => {
  it('is not done while the engine is stopped, which would bring the container back', async () => {
    await machine.shell('systemctl stop docker.socket docker', { timeout: 60 });
    const tree = machine.fileTree(['/'], EXCEPT);
    for (const run of [() => installed(['uninstall', '--yes']), () => machine.npx(['--yes', '--deploy', 'systemd'])]) {
      const { code, stderr } = await run();
      expect(code, stderr).toBe(1);
      expect(stderr).toMatch(/needs Docker's engine, which does not answer\n +→ start it: sudo systemctl/);
      expect(stderr).toContain('Everything was put back as it was.');
    }
    expect(diffTrees(tree, machine.fileTree(['/'], EXCEPT))).toEqual([]);
    expect((await installed(['status'])).code).toBe(3);
    const { stdout } = await installed(['doctor', '--json']);
    expect(JSON.parse(stdout).findings.map(({ id }: { id: string }) => id)).toContain('docker-silent');
    await machine.shell('systemctl start docker', { timeout: 60 });
    await until(
      'the relay to serve',
      { seconds: 60, pauseMs: 500 },
      async () => (await installed(['status'])).code === 0,
    );
  });

  it('leaves no trace with --purge: no file, no container, no network', async () => {
    const finished = await installed(['uninstall', '--purge', '--yes']);
    expect(finished.code, finished.stderr).toBe(0);
    expect(diffTrees(pristine, machine.fileTree(['/'], EXCEPT))).toEqual([]);
    expect(await everything(machine)).toBe('');
  });
});
