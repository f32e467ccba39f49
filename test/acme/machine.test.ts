/**
 * A freshly booted server that gets its certificate of an authority: the first, those that are ordered by hand, and those
 * that come by themselves, over a reboot and while clients are connected. The authority is Pebble, on the other end of
 * the machine's cable: it comes by ports 80 and 443, as Let's Encrypt would.
 */
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChain } from '../setup/certificate/authority.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { until } from '../vps/support/wait.ts';
import { exchangePackets } from './support/exchange.ts';
import { type Pebble, startPebble } from './support/pebble.ts';

const RENEWAL = 'derp-setup-renew.service';

let machine: Machine;
let authority: Pebble;
/** Issues for a minute only. */
let hasty: Pebble;

beforeAll(async () => {
  machine = await bootMachine({ name: 'acme' });
  const address = machine.host.ipv4;
  // One for both: two authorities of one name would be mistaken for each other.
  const identity = await makeChain({ type: 'ip', value: address });
  const ports = { address, identity, httpPort: 80, tlsPort: 443 };
  authority = await startPebble(ports);
  hasty = await startPebble({ ...ports, profiles: { default: 7_776_000, shortlived: 60 } });
  for (const [name, pebble] of Object.entries({ authority, hasty })) {
    await machine.writeFile(`/usr/local/share/ca-certificates/${name}-root.crt`, await pebble.issuingRoot());
  }
  await machine.writeFile('/usr/local/share/ca-certificates/server.crt', identity.root);
  await machine.shell('update-ca-certificates 2>&1');
});
afterAll(async () => {
  await authority?.stop();
  await hasty?.stop();
  await machine?.stop();
});

/** The installed command, as people type it. */
const installed = (...args: string[]) => machine.run('/usr/local/bin/derp-setup', args, { timeout: 150 });

/** What a client is shown on port 443. */
function served(): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: machine.ipv4, port: 443, rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('a server with a certificate of an authority', () => {
  it('gets it with the first run, before the relay starts', async () => {
    const args = ['--yes', '--json', '--verify', 'none', '--cert', 'letsencrypt'];
    const run = await machine.npx([...args, '--acme-directory', authority.directoryUrl], { timeout: 150 });
    expect(run.code, run.stderr + run.stdout).toBe(0);
    const document = JSON.parse(run.stdout);
    expect(document).toMatchObject({ ok: true, host: machine.ipv4, certificate: { mode: 'letsencrypt' } });
    expect(document.derpMap.Regions['900'].Nodes[0]).not.toHaveProperty('CertName');
    const leaf = await served();
    expect(leaf.subjectAltName).toBe(`IP Address:${machine.ipv4}`);
    expect(leaf.issuer).toContain('Pebble');
    expect(document.certificate.notAfter).toBe(new Date(leaf.validTo).toISOString());
  });

  it("keeps the account's key for root alone, where the relay can neither read nor replace it", async () => {
    const modes = await machine.shell('stat -c "%a %U:%G %n" /var/lib/derp-setup/acme /var/lib/derp-setup/acme/*');
    expect(modes.trim().split('\n')).toEqual([
      '750 root:derp-relay /var/lib/derp-setup/acme',
      '600 root:root /var/lib/derp-setup/acme/account.key',
      '600 root:root /var/lib/derp-setup/acme/accounts.json',
      '600 root:root /var/lib/derp-setup/acme/orders.json',
    ]);
  });

  it('leaves it alone while it is good', async () => {
    const before = await served();
    expect(await machine.npx(['--yes'])).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    const renewal = await installed('renew');
    expect(renewal).toMatchObject({ code: 0 });
    expect(renewal.stdout).toMatch(/good to .*, and due from/);
    expect((await served()).fingerprint256).toBe(before.fingerprint256);
  });

  it.each(['http-01', 'tls-alpn-01'])('renews by hand with the running relay answering %s', async (challenge) => {
    const change = await machine.npx(['--yes', '--acme-challenge', challenge], { timeout: 120 });
    expect(change.code, change.stderr).toBe(0);
    const before = await served();
    const renewal = await installed('renew', '--force', '--json');
    expect(renewal.code, renewal.stderr).toBe(0);
    expect(JSON.parse(renewal.stdout)).toMatchObject({ ok: true, renewed: true });
    const after = await served();
    expect(after.fingerprint256).not.toBe(before.fingerprint256);
    const previous = await machine.readFile(`/etc/derp-setup/certs/${machine.ipv4}.crt.previous`);
    expect(new X509Certificate(previous).fingerprint256).toBe(before.fingerprint256);
    const left = 'find /var/lib/derp-setup/acme/webroot /var/lib/derp-setup/acme/alpn -type f 2>/dev/null || true';
    expect(await machine.shell(left)).toBe('');
  });

  it('serves the same after a reboot', async () => {
    const before = await served();
    await machine.reboot();
    const after = await until('the relay to serve', { seconds: 60 }, () => served());
    expect(after.fingerprint256).toBe(before.fingerprint256);
  });

  it('says why when a renewal fails, serves what it has, and status is loud', async () => {
    const before = await served();
    // The way from the authority is shut.
    await machine.shell('nft add table inet shut');
    await machine.shell("nft 'add chain inet shut input { type filter hook input priority 0; }'");
    await machine.shell(`nft add rule inet shut input ip saddr ${machine.host.ipv4} tcp dport '{ 80, 443 }' drop`);
    // Pebble lets an account off a new proof once in a hundred orders: one that is new there has none to show.
    await machine.shell('rm /var/lib/derp-setup/acme/account.key /var/lib/derp-setup/acme/accounts.json');
    try {
      const renewal = await installed('renew', '--force');
      expect(renewal.code).toBe(1);
      expect(renewal.stderr).toMatch(/no certificate: .*(could not connect|did not find our answer)/);
      expect(renewal.stderr).toMatch(/→ let port \d+\/tcp in/);
      expect(renewal.stderr).toMatch(/The one before is still served/);
    } finally {
      await machine.shell('nft delete table inet shut');
    }
    expect((await served()).fingerprint256).toBe(before.fingerprint256);
    const reason = /could not connect|did not find our answer/;
    expect((await installed('status')).stdout).toMatch(
      new RegExp(`Renewal +failed at .*(${reason.source}).*tried again`),
    );
    const { renewal: told } = JSON.parse((await installed('status', '--json')).stdout);
    expect(told).toMatchObject({ failed: false, failure: { message: expect.stringMatching(reason), isDue: false } });
    const { findings } = JSON.parse((await installed('doctor', '--json')).stdout);
    const finding = findings.find(({ id }: { id: string }) => id === 'order-failed');
    expect(finding).toMatchObject({ check: 'renewal', level: 'warning', message: expect.stringMatching(reason) });
  });
});

describe('left alone', () => {
  it('renews three times in a row, and nobody who is connected notices', async () => {
    const directory = ['--acme-directory', hasty.directoryUrl];
    const change = await machine.npx(['--yes', ...directory], { timeout: 150 });
    expect(change.code, change.stderr).toBe(0);
    // The timer as it is, but every few seconds in place of twice a day.
    const often = '[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\nAccuracySec=1s\n';
    await machine.writeFile('/etc/systemd/system/derp-setup-renew.timer.d/often.conf', often);
    await machine.shell('systemctl daemon-reload; systemctl restart derp-setup-renew.timer');
    const exchange = await exchangePackets(machine.ipv4, await hasty.issuingRoot());
    try {
      const seen = new Set<string>();
      await until('three renewals', { seconds: 280, pauseMs: 500 }, async () => {
        const leaf = await served();
        expect(new Date(leaf.validTo).getTime(), 'the certificate that is served has not ended').toBeGreaterThan(
          Date.now(),
        );
        seen.add(leaf.fingerprint256);
        return seen.size > 3;
      });
      const { sent, received, longestGapMs, ended } = exchange.seen();
      console.log(`three renewals: ${received} of ${sent} packets, longest gap ${Math.round(longestGapMs)} ms`);
      expect(ended).toBeUndefined();
      // The last ones are still on their way.
      expect(sent - received).toBeLessThan(200);
      expect(longestGapMs).toBeLessThan(2000);
    } finally {
      exchange.close();
      await machine.shell('systemctl stop derp-setup-renew.timer');
    }
  });

  it('is loud in status when it cannot renew any more', async () => {
    await hasty.stop();
    await machine.run('systemctl', ['start', RENEWAL], { timeout: 120 });
    await until('the certificate to be due', { seconds: 120, pauseMs: 1000 }, async () => {
      await machine.run('systemctl', ['start', RENEWAL], { timeout: 120 });
      return (await machine.run('systemctl', ['is-failed', RENEWAL])).stdout.trim() === 'failed';
    });
    const status = await installed('status');
    expect(status.stdout).toMatch(/Renewal +failed at .*: no certificate: .* cannot be reached/);
    expect(await machine.shell(`journalctl -u ${RENEWAL} --no-pager -n 20`)).toMatch(
      /no certificate: .* cannot be reached/,
    );
  });
});
