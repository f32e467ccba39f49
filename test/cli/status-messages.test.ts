import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { findingDocument, findingLines } from '../../src/cli/lines/doctor-lines.ts';
import { en, type Messages } from '../../src/cli/messages/en.ts';
import { zh } from '../../src/cli/messages/zh.ts';
import type { Judged } from '../../src/setup/doctor/checks.ts';
import type { FindingData, FindingId, Fix } from '../../src/setup/doctor/findings.ts';

const plain = new Chalk({ level: 0 });
const host = 'derp.example.com';
const path = '/etc/derp-setup/x';
const unit = 'derp-relay.service';
const journal = ['derp-relay: cannot listen on 443/tcp'];
const problem = { subject: path, rule: { code: 'not-json' } } as const;
const date = new Date('2026-11-28T09:14:00Z');
const pins = { mapPin: `sha256-raw:${'a'.repeat(64)}`, certificatePin: `sha256-raw:${'b'.repeat(64)}` };

/** One of each kind. */
const samples: { [Id in FindingId]: FindingData[Id] } = {
  'files-fine': {},
  'file-missing': { path },
  'file-damaged': { path },
  'file-unusable': { problem },
  'answers-differ': { path, fields: [{ name: 'derpPort', answer: '443', relay: '8443' }] },
  'file-edited': { path },
  'service-runs': { since: date, version: '1.0.0' },
  'foreground-runs': { version: '1.0.0' },
  'foreground-ended': {},
  'prepared-only': { root: '/srv/x' },
  'service-missing': { unit },
  'service-stopped': { unit, active: 'failed', result: 'exit-code', exitStatus: 2, journal },
  'service-restarting': { unit, restarts: 1, exitStatus: 2, journal },
  'service-restarted': { restarts: 3, since: date, journal },
  'service-not-enabled': { unit },
  'unit-stale': { unit },
  'docker-silent': {},
  'container-runs': { since: date, version: '1.0.0', image: 'node:24-bookworm-slim' },
  'container-missing': { name: 'derp-relay' },
  'container-stopped': { name: 'derp-relay', status: 'exited', exitStatus: 2, journal },
  'container-restarting': { name: 'derp-relay', restarts: 3, exitStatus: 2, journal },
  'container-unhealthy': { name: 'derp-relay', image: 'node:24-bookworm-slim' },
  'container-not-at-boot': { name: 'derp-relay' },
  'image-outdated': { name: 'derp-relay', image: 'node:24-bookworm-slim' },
  'renewal-by-cron-planned': {},
  'renewal-by-nobody': { line: '17 3,15 * * * /usr/local/bin/derp-setup renew --quiet' },
  'relay-silent': { port: 443, journal },
  'other-relay-answers': { port: 443 },
  'restart-needed': { running: '1.0.0', installed: '1.1.0' },
  'derper-enabled': { name: 'derper.service', running: true },
  'runtime-fine': { version: '24.1.0' },
  'runtime-missing': { path },
  'runtime-too-old': { path, version: '18.0.0' },
  'runtime-broken': { path, detail: 'exit code 1' },
  'host-leads-here': { host, addresses: ['203.0.113.7'] },
  'host-unresolved': { host, failure: 'not-found' },
  'address-blocked': { host, address: '203.0.113.7', port: 443 },
  'address-elsewhere': { host, address: '203.0.113.7' },
  'address-not-mine': { host, address: '203.0.113.7', own: ['203.0.113.8'] },
  'address-unproven': { host, address: '203.0.113.7', port: 443 },
  'ports-held': { ports: ['443/tcp'] },
  'port-taken': { protocol: 'tcp', port: 80, flag: '--http-port', owner: { name: 'nginx', pid: 9 } },
  'port-closed': { protocol: 'udp', port: 3478 },
  'no-firewall': {},
  'firewall-open': { tool: 'ufw' },
  'firewall-closed': { tool: 'ufw', openings: [{ protocol: 'tcp', port: 443 }], commands: ['ufw allow 443/tcp'] },
  'firewall-not-lasting': { tool: 'iptables' },
  'client-served': { packets: 80, medianMs: 0.5 },
  'tls-ends-in-nginx': {},
  'client-check': {
    check: {
      id: 'stun',
      ok: false,
      status: 'failed',
      reason: 'stun-refused',
      detail: 'nothing listens',
      remedy: 'Start it.',
    },
    about: { host, stunPort: 3478 },
  },
  'strangers-refused': {},
  'strangers-admitted': {},
  'stun-through-docker': { port: 3478, mapped: '172.17.0.1' },
  'stun-unproven': { mapped: '10.0.0.4' },
  'certificate-fine': { host, notAfter: date, daysLeft: 7 },
  'certificate-wrong-host': { host, names: 'DNS:other.example.com' },
  'certificate-ended': { at: '2026-11-01' },
  'certificate-early': { at: '2027-01-01' },
  'certificate-key-mismatch': { certFile: '/c', keyFile: '/k' },
  'certificate-problem': { problem: { subject: '/c', rule: { code: 'not-a-certificate' } } },
  'certificate-ends-soon': { notAfter: date, daysLeft: 1, selfSigned: true },
  'certificate-not-loaded': { servedUntil: date, fileUntil: date },
  'chain-incomplete': { file: '/c', issuer: 'CN=R11' },
  'private-authority': { file: '/c', issuer: 'CN=Home' },
  'renewal-planned': { next: date },
  'timer-missing': { unit },
  'timer-stopped': { unit },
  'timer-not-enabled': { unit },
  'renewal-failed': { unit, exitStatus: 1, next: date, journal },
  'order-failed': {
    problem: { subject: 'derp.example.com', rule: { code: 'not-served', detail: 'port 443' } },
    at: date,
    next: date,
  },
  'permissions-fine': {},
  'file-exposed': { path, mode: 0o644, wanted: 0o600 },
  'file-mode': { path, mode: 0o644, wanted: 0o600 },
  'file-owner': { path, owner: 'root:root', wanted: 'derp-relay:derp-relay' },
  'open-relay': {},
  'open-to-addresses': {},
  'address-lists-fine': { allow: 2, deny: 1 },
  'address-list-unreachable': { path },
  'nft-rules-stale': { isListed: true },
  'address-list-bad': {
    problem: {
      subject: path,
      rule: { code: 'bad-address-line', line: 3, text: 'x', flaw: { code: 'no-range' } },
    },
  },
  'tailscaled-answers': { version: '1.98.2' },
  'tailscaled-absent': {},
  'tailscaled-silent': { detail: 'no answer' },
  'tailscaled-logged-out': {},
  'tailscaled-stopped': {},
  'tailscaled-old': { version: '1.60.0', first: '1.70.0' },
  'admission-url-answers': { url: 'https://h/verify' },
  'admission-url-fails': { url: 'https://h/verify', detail: 'status 404' },
  'admission-url-admits-all': { url: 'https://h/verify' },
  'admission-url-open': { url: 'https://h/verify' },
  'admission-url-plain': { url: 'http://h/verify' },
  'key-list-fine': { path, keys: 1 },
  'key-list-empty': { path },
  'key-list-unreachable': { path },
  'key-list-bad': { path, detail: 'line 3 is no key' },
  'admission-unanswered': { failures: 1 },
  'refused-lately': { refused: [{ key: '[n4Kqz]', reason: 'not in this tailnet', times: 2 }] },
  'members-not-listed': { path, nodes: [{ name: 'phone', key: '[a81cX]' }] },
  'map-fine': { regionId: 900 },
  'map-differs': { path },
  'pin-differs': { path, ...pins },
  'region-of-tailscale': { regionId: 20 },
  'region-out-of-range': { regionId: 1000 },
  'tailnet-map-fine': { regionId: 900 },
  'tailnet-map-lacks': { headscale: path },
  'tailnet-map-differs': { regionId: 900, fields: [{ name: 'DERPPort', there: '443', here: '8443' }] },
  'tailnet-map-insecure': { regionId: 900 },
  'tailnet-region-shared': { regionId: 900, others: ['b.example.com'] },
  'tailscaled-key-ends': { at: date, daysLeft: 3 },
  'clients-connected': { clients: 3 },
  'nobody-came': { host, ports: ['443/tcp', '3478/udp'] },
  'clock-synchronized': {},
  'clock-not-synchronized': {},
  'disk-room': { freeBytes: 5e9 },
  'disk-low': { path, freeBytes: 1e8 },
  'disk-full': { path, freeBytes: 1e6 },
  'open-files-enough': { limit: 20_000 },
  'open-files-few': { limit: 1024, clients: 900 },
  'relay-stalls': { stalls: 40, stalledMs: 4210, minutes: 60, longestMs: 322, starved: true },
  'log-fine': {},
  'log-errors': { events: { internal_error: 2 }, last: 'Error: x' },
  'nginx-runs': { version: '1.22.1', port: 443 },
  'nginx-missing': { port: 443 },
  'nginx-stopped': {},
  'nginx-broken': { said: ['unknown directive "lisen" in /etc/nginx/a:3'] },
  'nginx-route-gone': { port: 443, relayPort: 8443 },
  'nginx-site-on-port': { port: 443, file: '/etc/nginx/sites-enabled/a', line: 3 },
  'needs-root': {},
};

/** What is right needs no remedy; everything else does. */
const WELL: readonly FindingId[] = [
  ...(['container-runs', 'renewal-by-cron-planned', 'nginx-runs'] as const),
  ...(['files-fine', 'service-runs', 'foreground-runs', 'runtime-fine', 'host-leads-here', 'ports-held'] as const),
  ...([
    'no-firewall',
    'firewall-open',
    'client-served',
    'tls-ends-in-nginx',
    'strangers-refused',
    'certificate-fine',
  ] as const),
  ...(['renewal-planned', 'permissions-fine', 'tailscaled-answers', 'admission-url-answers', 'key-list-fine'] as const),
  ...(['address-lists-fine'] as const),
  ...(['tailnet-map-fine', 'clients-connected'] as const),
  ...(['map-fine', 'clock-synchronized', 'disk-room', 'open-files-enough', 'log-fine'] as const),
];

const fixes: Fix[] = [
  { kind: 'daemon-reload' },
  { kind: 'enable', unit },
  { kind: 'start', unit },
  { kind: 'reload', unit },
  { kind: 'start-container', name: 'derp-relay' },
  { kind: 'mode', path, mode: 0o600 },
  { kind: 'owner', path, owner: 'root:root' },
  { kind: 'open-firewall' },
];

const judged = (id: FindingId) => ({ id, check: 'files', level: 'failed', data: samples[id] }) as Judged;
const wording = (id: FindingId, messages: Messages) =>
  findingDocument(judged(id), messages) as { message: string; remedy?: string };

describe.each([
  ['en', en],
  ['zh', zh],
])('what the doctor says (%s)', (language, messages) => {
  it.each(Object.keys(samples) as FindingId[])('of %s', (id) => {
    const { message, remedy } = wording(id, messages);
    const said = `${message} ${remedy ?? ''}`;
    expect(said).not.toMatch(/undefined|NaN|\[object|Invalid/);
    if (language === 'zh') expect(message).toMatch(/\p{Script=Han}/u);
    else expect(said).not.toMatch(/\p{Script=Han}/u);
    if (WELL.includes(id)) expect(remedy).toBeUndefined();
    else expect(remedy).toBeTruthy();
  });

  it('of what it mended, each otherwise', () => {
    expect(new Set(fixes.map(messages.doctor.fixed)).size).toBe(fixes.length);
  });
});

describe('the remedies', () => {
  it('are the same commands in both languages', () => {
    const commands = (id: FindingId, messages: Messages) =>
      (wording(id, messages).remedy ?? '').match(/(?:sudo |npx )[a-z][\w./@=-]*(?: -{0,2}[a-z@][\w./@=-]*)*/g) ?? [];
    for (const id of Object.keys(samples) as FindingId[]) {
      if (id !== 'client-check') expect([id, commands(id, zh)]).toEqual([id, commands(id, en)]);
    }
  });

  it('name what must be given or typed', () => {
    expect(wording('file-exposed', en).remedy).toBe(`sudo chmod 0600 ${path}`);
    expect(wording('port-taken', en)).toMatchObject({
      message: 'port 80/tcp is in use by nginx (pid 9), not by the relay',
      remedy: expect.stringContaining('sudo derp-setup --http-port PORT'),
    });
    expect(wording('firewall-closed', en).remedy).toContain('ufw allow 443/tcp');
  });
});

describe('the lines of a finding', () => {
  it('are the symbol and the sentence, the journal, and the way out', () => {
    expect(findingLines(judged('service-stopped'), en, plain)).toEqual([
      '  ✖ derp-relay.service does not run: failed (exit-code, with exit code 2)',
      '      │ derp-relay: cannot listen on 443/tcp',
      '      → sudo systemctl start derp-relay.service; if it stops again: sudo journalctl -u derp-relay -n 50',
    ]);
    expect(findingLines({ ...judged('files-fine'), level: 'ok' } as Judged, en, plain)).toHaveLength(1);
  });

  it('take what could steer the terminal out of what others wrote', () => {
    const finding = { ...judged('key-list-bad'), data: { path, detail: 'x\u001b[2Jy' } } as Judged;
    expect(findingLines(finding, en, plain).join()).not.toContain('\u001b');
  });
});
