/**
 * Taking the place of a real derper that runs as a service. One in a container has test/docker/derper.test.ts, and unit
 * tests with the answers of other engines in test/setup/derper.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { makeChain, type TestChain } from '../setup/certificate/authority.ts';
import {
  DERPER,
  giveCertificate,
  installDerper,
  nameMachine,
  ownerOfPort,
  relayKeyOf,
  stateOf,
} from './support/derper.ts';
import { diffTrees } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { NOT_OURS } from './support/not-ours.ts';
import { until } from './support/wait.ts';

const host = 'derp.example.com';
const RELAY = 'derp-relay.service';
const SETUP = '/usr/local/bin/derp-setup';

let machine: Machine;
let chain: TestChain;

async function json(args: readonly string[], code = 0) {
  const { code: got, stdout, stderr } = await machine.npx([...args, '--json']);
  expect(got, stderr + stdout).toBe(code);
  return JSON.parse(stdout);
}
const codesOf = ({ notes }: { notes: { code: string }[] }) => notes.map(({ code }) => code);
const mainPid = async (unit: string) =>
  (await machine.shell(`systemctl show ${unit} --property=MainPID --value`)).trim();

describe('a derper with certificates of its own, on ports of its own', () => {
  const flags = `-c /etc/derper/derp.conf -a :12345 -http-port -1 -stun-port 13478 -hostname ${host} -certmode manual -certdir /etc/derper/ssl.d`;
  let key: string;

  beforeAll(async () => {
    chain = await makeChain({ type: 'dns', value: host });
    machine = await bootMachine({ name: 'derper' });
    await nameMachine(machine, host);
    await giveCertificate(machine, host, chain);
    await installDerper(machine, flags);
    key = await relayKeyOf(machine, host, 12345, chain);
  });
  afterAll(() => machine.stop());

  it('is left alone unless that is said, and named', async () => {
    const pid = await mainPid(DERPER);
    const tree = machine.fileTree(['/etc', '/usr', '/var'], NOT_OURS);
    // On other ports both could serve; the person is told what there is.
    expect(codesOf(await json(['--dry-run', '--verify', 'none']))).toContain('derper-found');
    const { problems } = await json(['--yes', '--verify', 'none', '--derp-port', '12345'], 2);
    expect(problems).toMatchObject([{ flag: '--derp-port', code: 'derper-in-the-way' }]);
    expect(problems[0].rule).toContain(DERPER);
    expect(problems[0].remedy).toContain('--take-over');
    expect(await mainPid(DERPER)).toBe(pid);
    expect(diffTrees(tree, machine.fileTree(['/etc', '/usr', '/var'], NOT_OURS))).toEqual([]);
  });

  it('would be taken over with its host, ports, key and certificate', async () => {
    const pid = await mainPid(DERPER);
    const document = await json(['--dry-run', '--take-over', '--verify', 'none']);
    expect(document).toMatchObject({
      host,
      ports: { derp: 12345, http: -1, stun: 13478 },
      certificate: { mode: 'manual' },
    });
    expect(codesOf(document)).toContain('derper-taken-over');
    expect(document.notes.find(({ code }: { code: string }) => code === 'derper-taken-over').lost).toEqual([]);
    expect(document.plan).toContainEqual(expect.objectContaining({ kind: 'stop-derper', subject: DERPER }));
    expect(JSON.stringify(document)).not.toMatch(/privkey|PRIVATE KEY/);
    expect(await mainPid(DERPER)).toBe(pid);
  });

  it('who may use the relay is asked all the same, since the derper let everybody in', async () => {
    const { problems } = await json(['--yes', '--take-over'], 2);
    expect(problems).toMatchObject([{ flag: '--verify', code: 'must-choose' }]);
  });

  it('serves again as it was when the new relay does not start', async () => {
    await machine.writeFile(
      `/etc/systemd/system/${RELAY}.d/fail.conf`,
      '[Service]\nExecStartPre=/bin/sh -c "echo not today; exit 7"\n',
    );
    const tree = machine.fileTree(['/etc', '/usr', '/var'], NOT_OURS);
    const pid = await mainPid(DERPER);
    const finished = await machine.npx(['--yes', '--take-over', '--verify', 'none']);
    expect(finished.code, finished.stderr).toBe(1);
    // What nobody was shown in a plan is said before anything is done.
    expect(finished.stderr).toMatch(/! [^\n]*strangers[\s\S]*not today/);
    expect(finished.stderr).toContain('Everything was put back as it was.');
    expect(await stateOf(machine, DERPER)).toBe('active enabled');
    expect(await mainPid(DERPER)).not.toBe(pid);
    expect(await relayKeyOf(machine, host, 12345, chain)).toBe(key);
    expect(diffTrees(tree, machine.fileTree(['/etc', '/usr', '/var'], NOT_OURS))).toEqual([]);
    await machine.shell(`rm -r /etc/systemd/system/${RELAY}.d && systemctl daemon-reload`);
  });

  it('is taken over: clients find the same relay, by the same key and certificate', async () => {
    await machine.writeFile('/etc/cron.d/derper', '# restarts\n0 */2 * * * root systemctl restart derper\n');
    const document = await json(['--yes', '--take-over', '--verify', 'none']);
    expect(document).toMatchObject({ ok: true, host, ports: { derp: 12345, http: -1, stun: 13478 } });
    expect(document.notes).toContainEqual(
      expect.objectContaining({ code: 'derper-scheduled', file: '/etc/cron.d/derper', line: 2 }),
    );
    expect(await relayKeyOf(machine, host, 12345, chain)).toBe(key);
    expect(await machine.readFile(`/etc/derp-setup/certs/${host}.crt`)).toBe(chain.leaf + chain.intermediate);
    expect(await machine.shell('ps -o user= -C derper || true')).toBe('');
    expect(await stateOf(machine, DERPER)).toBe('inactive disabled');
    expect(await stateOf(machine, RELAY)).toBe('active enabled');
    // Its files stay, for the way back.
    expect(await machine.exists('/etc/derper/derp.conf')).toBe(true);
    expect(await machine.exists(`/etc/derper/ssl.d/${host}.crt`)).toBe(true);
  });

  it('is not spoken of any more afterwards', async () => {
    const pid = await mainPid(RELAY);
    for (const args of [['--yes'], ['--yes', '--take-over']]) {
      const { plan, notes } = await json(args);
      expect(plan).toEqual([]);
      expect(codesOf({ notes }).filter((code) => /^derper-(found|taken)/.test(code))).toEqual([]);
    }
    expect(await mainPid(RELAY)).toBe(pid);
  });

  it('does not come back with a reboot', async () => {
    await machine.reboot();
    expect(await relayKeyOf(machine, host, 12345, chain)).toBe(key);
    expect(await stateOf(machine, DERPER)).toBe('inactive disabled');
    expect(await stateOf(machine, RELAY)).toBe('active enabled');
  });

  it('can be brought back after uninstalling, by the command that is told', async () => {
    const { code, stdout, stderr } = await machine.run(SETUP, ['uninstall', '--yes'], { timeout: 60 });
    expect(code, stderr).toBe(0);
    expect(await stateOf(machine, DERPER)).toBe('inactive disabled');
    const command = /^To have it serve again: +(.*)$/m.exec(stdout)?.[1];
    expect(command).toBe(`systemctl enable --now ${DERPER}`);
    await machine.shell(command!);
    expect(await stateOf(machine, DERPER)).toBe('active enabled');
    expect(await relayKeyOf(machine, host, 12345, chain)).toBe(key);
  });

  it('is refused when nobody could bring it back', async () => {
    await machine.shell(`systemctl disable --now ${DERPER} && rm /etc/systemd/system/${DERPER} && systemctl daemon-reload
      systemd-run --quiet --unit=by-hand /etc/derper/derper ${flags}`);
    await until('derper to serve', { seconds: 20 }, async () => (await ownerOfPort(machine, 12345)) === 'derper');
    const { problems } = await json(['--yes', '--take-over', '--verify', 'none'], 2);
    expect(problems).toMatchObject([{ flag: '--take-over', code: 'derper-not-stoppable' }]);
    expect(await ownerOfPort(machine, 12345)).toBe('derper');
  });
});

describe('a derper that asks a tailscaled elsewhere, with its certificate in a cache of its own', () => {
  const socket = '/run/vpn/ts.sock';
  let key: string;

  beforeAll(async () => {
    chain = await makeChain({ type: 'dns', value: host });
    machine = await bootMachine({ name: 'derper-asking' });
    await nameMachine(machine, host);
    // As golang.org/x/crypto/acme/autocert keeps them: the key, then the chain.
    const cache = chain.key + chain.leaf + chain.intermediate;
    await machine.writeFile(`/root/.cache/tailscale/derper-certs/${host}`, cache, 0o600);
    // Everything else by default: the key in /var/lib/derper, the ports 443, 80 and 3478.
    await installDerper(machine, `-hostname ${host}`);
    key = await relayKeyOf(machine, host, 443, chain);
    await installDerper(machine, `-hostname ${host} -verify-clients -socket ${socket}`);
    await until('derper to serve', { seconds: 20 }, async () => (await ownerOfPort(machine, 443)) === 'derper');
  });
  afterAll(() => machine.stop());

  it('is not taken over while nobody answers there', async () => {
    const { problems } = await json(['--yes', '--take-over'], 2);
    expect(problems).toMatchObject([{ value: `tailscaled:${socket}`, code: 'needs-tailscaled' }]);
    expect(await stateOf(machine, DERPER)).toBe('active enabled');
  });

  it('is taken over, and the relay asks there too', async () => {
    // Not logged in: it knows nobody, so that all but the machine's own proof are refused.
    await machine.shell(`mkdir -p /run/vpn && systemd-run --quiet --unit=vpn --setenv=TS_NO_LOGS_NO_SUPPORT=true \
      /opt/tailscale/tailscaled --tun=userspace-networking --state=mem: --statedir=/var/lib/vpn --socket=${socket}`);
    await until('tailscaled', { seconds: 20 }, async () => await machine.exists(socket));
    const document = await json(['--yes', '--take-over']);
    expect(document).toMatchObject({
      ok: true,
      host,
      verify: `tailscaled:${socket}`,
      ports: { derp: 443, http: 80, stun: 3478 },
    });
    const relay = JSON.parse(await machine.readFile('/etc/derp-setup/relay.json'));
    expect(relay.admission.tailscaled).toEqual({ socket });
    const trust = { kind: 'ca' as const, extraCa: chain.root };
    const stranger = connectDerp({ host, addresses: [machine.ipv4], trust });
    await expect(stranger).rejects.toThrow(/refused|closed|admit/i);
    const saved = await machine.readFile('/var/lib/derp-setup/derper.key');
    const old = await machine.readFile('/var/lib/derper/derper.key');
    expect(JSON.parse(saved)).toEqual(JSON.parse(old));
    expect(key).toMatch(/^nodekey:/);
    expect(await machine.readFile(`/etc/derp-setup/certs/${host}.crt`)).toBe(chain.leaf + chain.intermediate);
    expect(await stateOf(machine, DERPER)).toBe('inactive disabled');
  });

  it('and goes on with that the next time', async () => {
    expect((await json(['--yes'])).plan).toEqual([]);
    expect((await machine.run(SETUP, ['renew'])).code).toBe(0);
    // A certificate that is good is no matter of tailscaled's.
    await machine.shell('systemctl stop vpn');
    expect((await machine.run(SETUP, ['renew'])).code).toBe(0);
  });
});
