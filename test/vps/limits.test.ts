/** An installed relay that is for some addresses only, and holds its clients to a rate: from setup to the kernel's filter. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { until } from './support/wait.ts';

const SETUP = '/usr/local/bin/derp-setup';
const UNIT = 'derp-relay.service';
const LIST = '/srv/lists/home.txt';

let machine: Machine;
beforeAll(async () => {
  machine = await bootMachine({ name: 'limits' });
});
afterAll(() => machine.stop());

async function json(args: readonly string[], code = 0) {
  const finished = await machine.npx([...args, '--json']);
  expect(finished.code, finished.stderr + finished.stdout).toBe(code);
  return JSON.parse(finished.stdout);
}
const mainPid = async () => (await machine.shell(`systemctl show ${UNIT} --property=MainPID --value`)).trim();

/** Whether a stranger on the other end of the cable gets to the relay. */
async function isReached(): Promise<boolean> {
  try {
    const trust = { kind: 'none' as const };
    (await connectDerp({ host: machine.ipv4, port: 443, trust, timeoutMs: 1500 })).close();
    return true;
  } catch {
    return false;
  }
}
const untilReached = (isIn: boolean) =>
  until(
    `the stranger to be ${isIn ? 'let in' : 'kept out'}`,
    { seconds: 30 },
    async () => (await isReached()) === isIn,
  );

/** What the doctor finds at fault, as `level id`. */
async function faults(): Promise<string[]> {
  const { stdout } = await machine.run(SETUP, ['doctor', '--json'], { timeout: 60 });
  return JSON.parse(stdout).findings.flatMap(({ level, id }: { level: string; id: string }) =>
    level === 'ok' ? [] : `${level} ${id}`,
  );
}

describe('a relay for some addresses only', () => {
  it('is refused a list that it could not read, before anything is changed', async () => {
    await machine.writeFile(LIST, '192.0.2.0/24\n', 0o600);
    const args = ['--yes', '--verify', 'none', '--allow-cidr', `${LIST},10.0.0.1/8`];
    const { problems } = await json(args, 2);
    expect(problems).toMatchObject([{ flag: '--allow-cidr', value: '10.0.0.1/8', code: 'bad-range' }]);
    const other = await json(['--yes', '--verify', 'none', '--allow-cidr', LIST], 2);
    expect(other.problems).toMatchObject([{ flag: '--allow-cidr', value: LIST, code: 'unreachable-by-relay' }]);
    expect(await machine.exists('/etc/derp-setup')).toBe(false);
  });

  it('proves itself all the same, and keeps strangers out', async () => {
    await machine.writeFile(LIST, '192.0.2.0/24\n');
    const document = await json(['--yes', '--verify', 'none', '--allow-cidr', LIST, '--client-rate', '5M']);
    expect(document).toMatchObject({ ok: true, allowCidr: LIST, clientRate: '5M', verification: { ok: true } });
    expect(document.notes.map(({ code }: { code: string }) => code)).toContain('open-to-addresses');
    expect(await isReached()).toBe(false);
    const status = await machine.run(SETUP, ['status']);
    expect(status.stdout).toMatch(
      /Limits +2 ranges of addresses may connect · \d+ refused · 5\.0 MB\/s from one client/,
    );
    expect(await faults()).toEqual(['warning open-to-addresses', 'warning clock-not-synchronized']);
  });

  it('lets in who is on the list from then on, without a restart, and nobody when the list is spoilt', async () => {
    const pid = await mainPid();
    await machine.writeFile(LIST, `192.0.2.0/24\n${machine.host.ipv4}\n`);
    await untilReached(true);
    await machine.writeFile(LIST, 'moved to /srv/other\n');
    await machine.shell(`systemctl reload ${UNIT}`);
    expect(await isReached()).toBe(true);
    expect(await faults()).toEqual(expect.arrayContaining(['failed address-list-bad']));
    await machine.writeFile(LIST, `192.0.2.0/24\n${machine.host.ipv4}\n`);
    await machine.shell(`chmod 700 /srv/lists`);
    expect(await faults()).toEqual(expect.arrayContaining(['failed address-list-unreachable']));
    await machine.shell(`chmod 755 /srv/lists`);
    expect(await mainPid()).toBe(pid);
  });

  it('is as described when setup runs again without a word about it, and changes only when it is told to', async () => {
    const pid = await mainPid();
    const again = await machine.npx(['--yes']);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toContain('Already as described');
    expect(await mainPid()).toBe(pid);
    const kept = await json(['--yes', '--deny-cidr', machine.host.ipv4]);
    expect(kept).toMatchObject({ allowCidr: LIST, denyCidr: machine.host.ipv4, clientRate: '5M' });
    await untilReached(false);
  });

  it('can have the kernel keep strangers out', async () => {
    await machine.shell(`${SETUP} nftables | nft -f -`);
    await machine.shell(`${SETUP} nftables | nft -f -`);
    expect(await isReached()).toBe(false);
    expect((await faults()).filter((fault) => fault.includes('nft'))).toEqual([]);
    const { stdout } = await machine.run('nft', ['list', 'table', 'inet', 'derp_setup']);
    expect(Number(/@deny4 counter packets (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(0);
    // The proof comes from this machine, and gets in.
    expect(await json(['--yes', '--allow-cidr', 'none', '--deny-cidr', 'none', '--client-rate', 'none'])).toMatchObject(
      {
        verification: { ok: true },
      },
    );
    expect(await isReached()).toBe(false);
    expect(await faults()).toContain('failed nft-rules-stale');
    await machine.shell('nft delete table inet derp_setup');
    await untilReached(true);
    const left = await faults();
    expect(left).toContain('warning open-relay');
    // Of the list that was spoilt for a while the log tells for an hour.
    expect(left.filter((fault) => fault.startsWith('failed') || fault.includes('address'))).toEqual([]);
  });

  it('says of rules in the kernel that they stay when it is removed', async () => {
    await machine.shell(`${SETUP} nftables --deny-cidr 203.0.113.0/24 | nft -f -`);
    const { code, stdout, stderr } = await machine.run(SETUP, ['uninstall', '--yes', '--json']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, nftTable: 'derp_setup' });
    await machine.shell('nft delete table inet derp_setup');
  });
});
