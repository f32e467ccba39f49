/** A self-signed certificate on a server: its successor is prepared, shown, and served on command, and no pin changes unseen. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await bootMachine({ name: 'pins' });
  const run = await machine.npx(['--yes', '--verify', 'none'], { timeout: 120 });
  expect(run.code, run.stderr).toBe(0);
});
afterAll(() => machine?.stop());

const renew = (...args: string[]) => machine.run('/usr/local/bin/derp-setup', ['renew', ...args], { timeout: 90 });
const mapPin = async (): Promise<string> =>
  JSON.parse(await machine.readFile('/etc/derp-setup/derp-map.json')).Regions['900'].Nodes[0].CertName;

/** Connects as a client that knows the relay by this pin. */
const connectWith = (pin: string) =>
  connectDerp({ host: machine.ipv4, trust: { kind: 'pin', pin }, timeoutMs: 20_000 });

it('is left alone while it is good, and there is nothing to switch to', async () => {
  const run = await renew();
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(run.stdout).toMatch(/good to .*, and due from/);
  const early = await renew('--switch');
  expect(early.code).toBe(1);
  expect(early.stderr).toContain('no successor');
});

it('has a successor prepared without a change for anybody, and served on command', async () => {
  const pin = await mapPin();
  const prepared = await renew('--force', '--json');
  expect(prepared.code, prepared.stderr).toBe(0);
  const { next, nodes } = JSON.parse(prepared.stdout);
  expect(nodes).toMatchObject({ now: { CertName: pin }, next: { CertName: next.pin } });
  expect(next.pin).not.toBe(pin);
  expect(await mapPin()).toBe(pin);
  const client = await connectWith(pin);
  // By the timer too it stays as it is, and is told of.
  const told = await renew('--quiet');
  expect(told.stdout).toContain(next.pin);
  expect(await mapPin()).toBe(pin);

  const switched = await renew('--switch');
  expect(switched.code, switched.stderr).toBe(0);
  expect(switched.stdout).toContain(next.pin);
  expect(await mapPin()).toBe(next.pin);
  expect(await machine.readFile('/etc/derp-setup/headscale-derp.yaml')).toContain(next.pin);
  (await connectWith(next.pin)).close();
  await expect(connectWith(pin)).rejects.toThrow(/pin/);
  // Whoever was connected still is.
  expect(client.error).toBeUndefined();
  client.close();
  expect(
    await machine.shell(
      `stat -c "%a %U" /etc/derp-setup/certs/${machine.ipv4}.crt /etc/derp-setup/certs/${machine.ipv4}.key`,
    ),
  ).toBe('644 derp-relay\n600 derp-relay\n');
  expect(await machine.exists(`/etc/derp-setup/certs/${machine.ipv4}.next.crt`)).toBe(false);
  expect((await machine.run('/usr/local/bin/derp-setup', ['--yes'], { timeout: 60 })).stdout).toContain(
    'nothing to do',
  );
});

it('goes with all that belongs to it when everything is removed', async () => {
  await renew('--force');
  const run = await machine.run('/usr/local/bin/derp-setup', ['uninstall', '--purge', '--yes'], { timeout: 90 });
  expect(run.code, run.stderr).toBe(0);
  expect(await machine.exists('/etc/derp-setup')).toBe(false);
  expect(await machine.exists('/var/lib/derp-setup')).toBe(false);
});
