import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { foregroundReportLines, installReportLines } from '../../../src/cli/lines/report-lines.ts';
import { displayWidth } from '../../../src/cli/lines/text.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import { dryRunDocument, probeCommand, reportDocument, type SetupResult } from '../../../src/cli/setup-report.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import type { Check } from '../../../src/probe/check.ts';
import { type Prepared, prepareSetup } from '../../../src/setup/prepare.ts';
import { plainFacts } from '../../setup/facts.ts';
import { temporaryDirectory } from '../../temporary.ts';

const plain = new Chalk({ level: 0 });
const PIN = `sha256-raw:${'ab'.repeat(32)}`;

/** A prepared installation; the paths are told as on the machine itself. */
async function prepare(flags: Record<string, string> = {}): Promise<Prepared> {
  const root = temporaryDirectory();
  const prepared = await prepareSetup({
    flags: { deploy: 'systemd', verify: 'none', ...flags },
    environment: {},
    root,
    userRoot: root,
    switches: { openFirewall: false, takeOver: false, overwrite: false, noStart: false },
    logLevel: 'silent',
    now: new Date('2026-11-21T12:00:00Z'),
    signal: new AbortController().signal,
    facts: plainFacts,
  });
  if (!prepared.ok) throw new Error(JSON.stringify(prepared.problems));
  const layout = layoutBelow('/');
  const certificate = { ...prepared.certificate, file: layout.certificate(prepared.answers.host), pin: PIN };
  return { ...prepared, layout, certificate, noStart: false };
}

const relayCheck: Check = {
  id: 'relay',
  ok: true,
  status: 'ok',
  detail: '',
  data: { sent: 200, lost: 0, minMs: 0.2, medianMs: 0.9, maxMs: 4 } as NonNullable<Check<'relay'>['data']>,
};

const resultOf = (prepared: Prepared, more: Partial<SetupResult> = {}): SetupResult => ({
  prepared,
  ports: { derp: 443, http: 80, stun: 3478 },
  checks: [relayCheck],
  ok: true,
  written: [
    '/etc/derp-setup/config.json',
    '/etc/derp-setup/relay.json',
    '/usr/local/bin/derp-setup',
    '/etc/systemd/system/derp-relay.service',
  ],
  renewal: new Date(2026, 10, 22, 3, 12),
  ...more,
});

const textOf = (result: SetupResult, messages = en, columns?: number) =>
  installReportLines(result, messages, { paint: plain, columns }).join('\n');

describe('the end of an installation', () => {
  it('says that it works, what to paste, what was done, and what to do next', async () => {
    const text = textOf(resultOf(await prepare()));
    expect(text).toMatch(/^✔ The relay works: 200 of 200 packets arrived, 0\.90 ms on the way\.\n\nPaste into/);
    expect(text).toContain('          "HostName": "203.0.113.7",');
    expect(text).toContain(`
  Headscale     /etc/derp-setup/headscale-derp.yaml, to be named in derp.paths
  Certificate   to 2027-11-21, /etc/derp-setup/certs/203.0.113.7.crt
                looked at twice a day, next 2026-11-22 03:12; in its last month comes one with a new pin, to be pasted
  Written       `);
    expect(text).toContain('2 files in /etc/derp-setup · /usr/local/bin/derp-setup · /etc/systemd/system/derp-relay');
    expect(text).toContain('  Let in        443/tcp, 80/tcp, 3478/udp: ');
    expect(text).toContain(`
From your own computer, once the ports are open:
  npx derp-setup probe 203.0.113.7 --pin ${PIN}
On a client, once the map is saved:
  tailscale netcheck   should list myderp with a latency
On this machine:
  derp-setup status      how it is; live with --watch
  derp-setup doctor      what is wrong, and what mends it
  derp-setup uninstall   removes it; shows first what goes`);
  });

  it('does not say that it works when a check has failed', async () => {
    const failed: Check = { id: 'stun', ok: false, status: 'failed', detail: '' };
    const text = textOf(resultOf(await prepare(), { ok: false, checks: [relayCheck, failed] }));
    expect(text).toMatch(/^✖ The relay runs, but 1 check failed/);
    expect(text).not.toContain('works');
  });

  it('says of files that were only prepared how to start them, and promises nothing about them', async () => {
    const text = textOf(resultOf({ ...(await prepare()), noStart: true }, { checks: [], renewal: undefined }));
    expect(text).toMatch(/^Written, not started\./);
    expect(text).toMatch(/On the machine that it is for, as root .*:\n {2}derp-setup --yes$/);
    expect(text).not.toMatch(/works|looked at|security group/);
  });

  it('says how each kind of certificate goes on', async () => {
    const prepared = await prepare();
    const as = (mode: string) => {
      const certificate = { ...prepared.certificate, mode: mode as Prepared['certificate']['mode'] };
      return textOf(resultOf({ ...prepared, certificate }));
    };
    expect(as('manual')).toContain('next 2026-11-22 03:12; what you renew is taken over');
    expect(as('letsencrypt')).toContain('renewed by itself; looked at twice a day, next 2026-11-22 03:12');
    expect(textOf(resultOf(prepared, { renewal: undefined }))).not.toContain('looked at');
  });

  it('leaves out what was not written, and ports that are off', async () => {
    const prepared = { ...(await prepare()), preview: [] };
    const text = textOf(resultOf(prepared, { written: [], ports: { derp: 8443, http: -1, stun: 3478 } }));
    expect(text).not.toMatch(/^ +Written/m);
    expect(text).toContain('Let in        8443/tcp, 3478/udp: ');
    expect(text).toContain('probe 203.0.113.7 --derp-port 8443 --http-port -1 --pin');
  });

  it.each([
    ['English', en],
    ['Chinese', zh],
  ])('fits the terminal but for what is copied, in %s', async (_, messages) => {
    const result = resultOf(await prepare());
    const copied = (line: string) => line.includes('CertName') || line.includes(probeCommand(result));
    for (const columns of [80, 110]) {
      const lines = textOf(result, messages, columns).split('\n');
      // A single path may be longer than its column.
      const isOnePath = (line: string) => /^ *(?:\S+ +)?\/[^ ]+$/.test(line);
      for (const line of lines.filter((line) => !copied(line) && !isOnePath(line)))
        expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
    }
  });

  it('colours names, commands and the first sign, and says nothing by colour alone', async () => {
    const result = resultOf(await prepare());
    const coloured = installReportLines(result, en, { paint: new Chalk({ level: 1 }), columns: 100 }).join('\n');
    expect(coloured).toContain('\u001b[36mderp-setup status');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours are what is taken out.
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(textOf(result, en, 100));
  });
});

describe('the end of a run in the foreground', () => {
  it('speaks of no service and of no files', async () => {
    const lines = foregroundReportLines(resultOf(await prepare()), en, { paint: plain, columns: 100 });
    const text = lines.join('\n');
    expect(text).toContain('✔ The relay works');
    expect(text).toContain(`  npx derp-setup probe 203.0.113.7 --pin ${PIN}`);
    expect(text).not.toMatch(/^ +Written|derp-setup uninstall/m);
  });
});

describe('for programs', () => {
  it('the report has everything, and no secret', async () => {
    const prepared = await prepare();
    const document = JSON.parse(JSON.stringify(reportDocument(resultOf(prepared), en)));
    expect(document).toMatchObject({
      ok: true,
      host: '203.0.113.7',
      ports: { derp: 443, http: 80, stun: 3478 },
      deploy: 'systemd',
      verify: 'none',
      certificate: { mode: 'self-signed', notAfter: expect.stringMatching(/^2027-11-2/) },
      renewal: { next: new Date(2026, 10, 22, 3, 12).toISOString() },
      verification: { ok: true, checks: [{ id: 'relay' }] },
      files: { written: expect.arrayContaining(['/etc/derp-setup/relay.json']) },
    });
    expect(document.plan.map(({ kind }: { kind: string }) => kind)).toContain('file');
    expect(JSON.stringify(document)).not.toMatch(/PRIVATE KEY|privkey:/);
  });

  it('so has the plan of a dry run', async () => {
    const prepared = await prepare({ derpPort: '8443' });
    const document = JSON.parse(JSON.stringify(dryRunDocument(prepared, en)));
    expect(document).toMatchObject({ ok: true, dryRun: true, ports: { derp: 8443 }, deploy: 'systemd' });
    expect(JSON.stringify(document)).not.toMatch(/PRIVATE KEY|privkey:/);
  });
});
