import { describe, expect, it } from 'vitest';
import type { CheckId } from '../../../src/probe/check.ts';
import type { AddressSource } from '../../../src/relay/config.ts';
import type { Problem, Rule } from '../../../src/setup/answers/problems.ts';
import { judgeAll } from '../../../src/setup/doctor/checks.ts';
import type {
  AddressListFact,
  CertificateFacts,
  DoctorFacts,
  HostFacts,
  UnitFacts,
} from '../../../src/setup/doctor/facts.ts';
import type { Finding, FindingId } from '../../../src/setup/doctor/findings.ts';
import {
  check,
  derpMap,
  healthy,
  host,
  hostFacts,
  inDays,
  installed,
  layout,
  minutesAgo,
  now,
  pin,
  relay,
  settings,
  unit,
  units,
} from './healthy.ts';

/** What is found when these facts are not as they should be; what is well is left out. */
function found(spoilt: Partial<DoctorFacts>): Finding[] {
  return judgeAll({ ...healthy, ...spoilt }).filter(({ level }) => level !== 'ok');
}
const ids = (spoilt: Partial<DoctorFacts>) => found(spoilt).map(({ id, level }) => `${level} ${id}`);
const only = (spoilt: Partial<DoctorFacts>): Finding => {
  const findings = found(spoilt);
  expect(findings.map(({ id }) => id)).toHaveLength(1);
  return findings[0]!;
};

const withUnits = (more: Partial<UnitFacts>) => ({ units: { ...units, ...more } });
const withRelayUnit = (more: Partial<UnitFacts['relay']>) => withUnits({ relay: { ...unit, ...more } });
const withCertificate = (more: Partial<CertificateFacts>) => ({
  certificate: { ...healthy.certificate!, ...more },
});
const withPair = (more: Partial<NonNullable<CertificateFacts['pair']>>) =>
  withCertificate({ pair: { ...healthy.certificate!.pair!, ...more } });
const withRoutes = (routes: HostFacts['routes'], global = hostFacts.global) => ({
  host: { ...hostFacts, routes, global },
});
const withProbe = (more: Partial<NonNullable<DoctorFacts['probe']>>) => ({ probe: { ...healthy.probe!, ...more } });
const failing = (id: CheckId, reason: string, more = {}) => check(id, 'failed', { reason, ...more });
const problem = (rule: Rule): Problem => ({ subject: '/x', rule });
const bad = (path: string, rule: Rule) => ({ state: 'bad', path, problem: { subject: path, rule } }) as const;
const log = (level: string, event: string, minutes: number, more = {}) =>
  JSON.stringify({ time: minutesAgo(minutes).toISOString(), level, event, ...more });

describe('a relay that is as it should be', () => {
  it('has no fault, and each check says so', () => {
    expect(found({})).toEqual([]);
    expect(judgeAll(healthy).map(({ id }) => id)).toEqual<FindingId[]>([
      'files-fine',
      'permissions-fine',
      'runtime-fine',
      'service-runs',
      'ports-held',
      'host-leads-here',
      'firewall-open',
      'certificate-fine',
      'renewal-planned',
      'client-served',
      'strangers-refused',
      'tailscaled-answers',
      'map-fine',
      'tailnet-map-fine',
      'clients-connected',
      'clock-synchronized',
      'disk-room',
      'open-files-enough',
      'log-fine',
    ]);
  });

  it('may be without what cannot be looked at', () => {
    const blind: Partial<DoctorFacts> = {
      units: undefined,
      files: [],
      runtime: undefined,
      host: undefined,
      ports: [],
      certificate: undefined,
      firewall: undefined,
      clockSynchronized: undefined,
      disks: [],
      openFilesLimit: undefined,
      probe: undefined,
      admission: {},
      key: {},
    };
    expect(ids(blind)).toEqual([]);
    expect(ids({ ...blind, isRoot: false })).toEqual(['warning needs-root']);
  });
});

const givenAnswers = installed.answers.state === 'read' ? installed.answers.value.given : {};

describe('the files', () => {
  it('that are missing, damaged or unusable are named one by one', () => {
    const broken: DoctorFacts['installed'] = {
      ...installed,
      answers: bad(layout.config, { code: 'not-json' }),
      derpMap: { state: 'damaged', path: layout.derpMap },
      manifest: { state: 'missing', path: layout.manifest },
    };
    expect(ids({ installed: broken })).toEqual(['failed file-unusable', 'failed file-damaged', 'failed file-missing']);
  });

  it('that an ordinary user may not read are no fault', () => {
    const rule: Rule = { code: 'file', action: 'read', problem: 'denied', detail: 'permission denied' };
    const denied = {
      installed: { ...installed, manifest: bad(layout.manifest, rule) },
      key: { problem: problem(rule) },
    };
    expect(ids({ ...denied, isRoot: false })).toEqual(['warning needs-root']);
    expect(ids(denied)).toEqual(['failed file-unusable', 'failed file-unusable']);
  });

  it('must tell the relay what was answered', () => {
    const told = { ...settings, derpPort: 8443, admission: null };
    const finding = found({ installed: { ...installed, relay: { state: 'read', path: '', value: told } } })[0];
    expect(finding).toMatchObject({
      id: 'answers-differ',
      data: {
        fields: [
          { name: 'derpPort', answer: '443', relay: '8443' },
          { name: 'verify', answer: 'tailscaled', relay: 'none' },
        ],
      },
    });
  });

  it('must tell the relay of the lists that were answered, where it may have addresses of its own beside them', () => {
    const differ = (answer: AddressSource | 'none', told: AddressSource | null) => {
      const given = { ...givenAnswers, allowCidr: { value: answer, source: 'saved', subject: '' } as const };
      const relayNow = { state: 'read', path: '', value: { ...settings, allowCidr: told } } as const;
      const answers = { state: 'read' as const, path: '', value: { given, problems: [] } };
      return found({ installed: { ...installed, answers, relay: relayNow } }).find(({ id }) => id === 'answers-differ');
    };
    const source = (ranges: string[], files: string[] = []) => ({ ranges, files });
    expect(differ(source(['192.0.2.0/24']), source(['192.0.2.0/24', '203.0.113.7']))).toBeUndefined();
    expect(differ('none', null)).toBeUndefined();
    expect(differ(source(['192.0.2.0/24']), null)).toMatchObject({
      data: { fields: [{ name: 'allowCidr', answer: '192.0.2.0/24', relay: 'none' }] },
    });
    expect(differ('none', source(['192.0.2.1']))).toBeDefined();
    expect(differ(source([], ['/a']), source([], ['/a', '/b']))).toBeDefined();
  });

  it('are told when they were changed by hand, when the key is gone, and when a setting is unknown', () => {
    expect(only({ edited: [layout.unit('derp-relay.service')] })).toMatchObject({
      id: 'file-edited',
      level: 'warning',
    });
    expect(only({ key: { missing: true } })).toMatchObject({ id: 'file-missing', data: { path: layout.relayKey } });
    const { answers } = installed;
    const remark = problem({ code: 'unknown-setting' });
    const value = { ...(answers.state === 'read' ? answers.value : undefined!), problems: [remark] };
    expect(only({ installed: { ...installed, answers: { ...answers, state: 'read', value } } })).toMatchObject({
      id: 'file-unusable',
      data: { problem: remark },
    });
  });
});

describe('modes and owners', () => {
  const key = healthy.files[0]!;
  const file = (mode: number, owner: string, more = {}) => ({ files: [{ ...key, found: { mode, owner }, ...more }] });

  it.each([
    ['a key that others may read', file(0o640, key.wantedOwner), 'file-exposed', { kind: 'mode', mode: 0o600 }],
    [
      'a key that even the relay may not read',
      file(0o200, key.wantedOwner),
      'file-mode',
      { kind: 'mode', mode: 0o600 },
    ],
    ['a key of root', file(0o600, 'root:root'), 'file-owner', { kind: 'owner', owner: 'derp-relay:derp-relay' }],
  ])('of %s are a failure that can be mended', (_, facts, id, fix) => {
    expect(only(facts)).toMatchObject({ id, level: 'failed', fix: { ...fix, path: layout.relayKey } });
  });

  it('that are too generous for a file without secrets are a warning', () => {
    const facts = file(0o666, 'root:root', { secret: false, wantedMode: 0o644, wantedOwner: 'root:root' });
    expect(only(facts)).toMatchObject({ id: 'file-mode', level: 'warning' });
  });
});

describe('the Node of the service', () => {
  it.each([
    ['runtime-missing', { state: 'missing', path: '/n' }],
    ['runtime-broken', { state: 'broken', path: '/n', detail: 'bad ELF' }],
    ['runtime-too-old', { state: 'works', path: '/n', version: '18.1.0', supported: false }],
  ] as const)('is a failure: %s', (id, runtime) => {
    expect(only({ runtime })).toMatchObject({ id, level: 'failed' });
  });
});

describe('the service', () => {
  const silent = { relay: undefined, probe: undefined };

  it.each<[string, Partial<DoctorFacts>, FindingId, object | undefined]>([
    ['gone', withRelayUnit({ found: false }), 'service-missing', undefined],
    ['stopped', withRelayUnit({ active: 'inactive' }), 'service-stopped', { kind: 'start' }],
    [
      'failed',
      withRelayUnit({ active: 'failed', result: 'exit-code', exitStatus: 2 }),
      'service-stopped',
      { kind: 'start' },
    ],
    [
      'started too often',
      withRelayUnit({ active: 'failed', result: 'start-limit-hit' }),
      'service-restarting',
      undefined,
    ],
    [
      'starting again and again',
      withRelayUnit({ active: 'activating', subState: 'auto-restart' }),
      'service-restarting',
      undefined,
    ],
    ['silent', {}, 'relay-silent', undefined],
  ])('fails when it is %s', (_, facts, id, fix) => {
    const finding = only({ ...silent, ...facts });
    expect(finding).toMatchObject({ id, level: 'failed' });
    if (fix === undefined) expect(finding.fix).toBeUndefined();
    else expect(finding.fix).toMatchObject(fix);
  });

  it('shows the last lines of its journal with the failure', () => {
    const why = 'derp-relay: cannot listen on 443/tcp: in use by another program';
    const cycle = [
      'Started derp-relay.service - DERP relay and STUN server.',
      log('info', 'listening', 3),
      why,
      'derp-relay.service: Main process exited, code=exited, status=2/INVALIDARGUMENT',
      "derp-relay.service: Failed with result 'exit-code'.",
      'derp-relay.service: Scheduled restart job, restart counter is at 1.',
    ];
    const shown = (relayJournal: string[]) => {
      const facts = withUnits({ relay: { ...unit, active: 'failed' }, relayJournal });
      return (found({ ...silent, ...facts })[0]!.data as { journal: string[] }).journal;
    };
    expect(shown([...cycle, ...cycle, ...cycle])).toEqual([why]);
    expect(shown(['a', 'b', '    at f (x.js:1:2)', 'c', 'd', '    at g (x.js:1:2)'])).toEqual(['b', 'c', 'd']);
    expect(shown([log('error', 'internal_error', 3, { problem: 'Error: x' })])).toEqual(['internal_error: Error: x']);
    const killed = ['derp-relay.service: Main process exited, code=killed, status=9/KILL', cycle[4]!];
    expect(shown([cycle[0]!, cycle[1]!, ...killed, cycle[5]!])).toEqual(killed);
  });

  it('that was started again a moment ago and is silent is about to end once more', () => {
    const soon = new Date(now.getTime() - 2000);
    expect(only({ ...silent, ...withRelayUnit({ restarts: 9, since: soon }) })).toMatchObject({
      id: 'service-restarting',
    });
    expect(only({ ...silent, ...withRelayUnit({ restarts: 0, since: soon }) })).toMatchObject({ id: 'relay-silent' });
    expect(only({ ...silent, ...withRelayUnit({ restarts: 9 }) })).toMatchObject({ id: 'relay-silent' });
  });

  it('is warned of when it ended lately, and not when that was long ago', () => {
    expect(only(withRelayUnit({ restarts: 3, since: minutesAgo(10) }))).toMatchObject({ id: 'service-restarted' });
    expect(ids(withRelayUnit({ restarts: 3, since: inDays(-2) }))).toEqual([]);
  });

  it('can be mended when it is not enabled, or its file is stale', () => {
    expect(only(withRelayUnit({ enabled: false })).fix).toEqual({ kind: 'enable', unit: 'derp-relay.service' });
    expect(only(withRelayUnit({ needsReload: true })).fix).toEqual({ kind: 'daemon-reload' });
  });

  it('must run what is installed, with the key that is there', () => {
    expect(only({ installed: { ...installed, version: '1.1.0' } })).toMatchObject({
      id: 'restart-needed',
      data: { running: '1.0.0', installed: '1.1.0' },
    });
    expect(only({ key: { publicKey: 'c'.repeat(64) } })).toMatchObject({ id: 'other-relay-answers', level: 'failed' });
  });

  it('must not share the machine with a derper that wants its ports', () => {
    const derper = { name: 'derper.service', running: false, enabled: true };
    expect(only({ derpers: [derper] })).toMatchObject({ id: 'derper-enabled', data: { name: 'derper.service' } });
    expect(ids({ derpers: [{ ...derper, enabled: false }] })).toEqual([]);
  });
});

describe('a relay in the foreground', () => {
  const inForeground = { installed: { ...installed, target: 'foreground' as const }, units: undefined };

  it('needs no service, and may be open', () => {
    expect(ids({ ...inForeground, relay: { ...relay, admission: [] }, isRoot: false })).toEqual([]);
  });

  it('may have ended', () => {
    expect(ids({ ...inForeground, relay: undefined, ports: [] })).toEqual(['failed foreground-ended']);
  });

  it('may be for another machine', () => {
    expect(ids({ installed: { ...installed, onMachine: false } })).toContain('warning prepared-only');
  });
});

describe('the ports', () => {
  const owned = (owner: DoctorFacts['ports'][number]['owner']) => ({
    ports: healthy.ports.map((port) => (port.purpose === 'http' ? { ...port, owner } : port)),
  });

  it('must be the relay’s', () => {
    expect(only(owned({ name: 'nginx', pid: 99 }))).toMatchObject({
      id: 'port-taken',
      data: { port: 80, flag: '--http-port', owner: { name: 'nginx', pid: 99 } },
    });
    expect(only(owned(undefined))).toMatchObject({ id: 'port-closed', data: { port: 80, protocol: 'tcp' } });
  });

  it('show an ordinary user only whose they are', () => {
    expect(ids({ ...owned({ user: 'derp-relay' }) })).toEqual([]);
    expect(only(owned({ user: 'www-data' }))).toMatchObject({ id: 'port-taken' });
  });

  it('that somebody else has keep the relay from starting', () => {
    const ports = healthy.ports.map((port) => ({
      ...port,
      owner: port.port === 443 ? { name: 'caddy', pid: 2 } : undefined,
    }));
    const stopped = withRelayUnit({ active: 'failed', mainPid: 0 });
    delete (stopped.units.relay as { mainPid?: number }).mainPid;
    expect(ids({ ...stopped, relay: undefined, probe: undefined, ports })).toEqual([
      'failed service-stopped',
      'failed port-taken',
    ]);
  });
});

describe('the way from the host', () => {
  const route = (address: string, leads: 'here' | 'elsewhere' | 'unreachable', local = false) => ({
    address,
    leads,
    local,
  });
  const global = hostFacts.global;
  const none = { ipv4: [], ipv6: [] };

  it('is judged for each address by itself', () => {
    const routes = [route('203.0.113.7', 'here', true), route('2001:db8::9', 'unreachable')];
    expect(only(withRoutes(routes, { ...global, ipv6: ['2001:db8::1'] }))).toMatchObject({
      id: 'address-not-mine',
      level: 'failed',
      data: { host, address: '2001:db8::9', own: ['2001:db8::1'] },
    });
  });

  it.each<[string, HostFacts['routes'], HostFacts['global'], string[]]>([
    ['through a provider’s NAT', [route('203.0.113.7', 'here')], none, []],
    ['to another server', [route('198.51.100.9', 'elsewhere')], none, ['failed address-elsewhere']],
    [
      'to another server on this machine',
      [route('203.0.113.7', 'elsewhere', true)],
      global,
      ['failed address-elsewhere'],
    ],
    ['that ends at a rule', [route('203.0.113.7', 'unreachable', true)], global, ['failed address-blocked']],
    ['that nobody behind a NAT can try', [route('203.0.113.7', 'unreachable')], none, ['warning address-unproven']],
    ['to a machine that this is not', [route('198.51.100.9', 'unreachable')], global, ['failed address-not-mine']],
  ])('%s', (_, routes, own, expected) => {
    expect(ids(withRoutes(routes, own))).toEqual(expected);
  });

  it('is missing when the name is', () => {
    const facts = { host: { ...hostFacts, routes: [], failure: 'not-found' as const } };
    expect(only(facts)).toMatchObject({ id: 'host-unresolved', level: 'failed' });
  });

  it('says nothing of silence while the relay does not run', () => {
    const facts = { ...withRoutes([route('203.0.113.7', 'unreachable', true)]), relay: undefined, ports: [] };
    expect(ids({ ...facts, ...withRelayUnit({ active: 'inactive' }) })).toEqual(['failed service-stopped']);
  });
});

describe('the firewall', () => {
  it('that is closed can be opened when that is asked for', () => {
    const closed = [{ protocol: 'udp', port: 3478 }] as const;
    const firewall = { tool: 'ufw', lasting: true, closed, commands: ['ufw allow 3478/udp'] };
    expect(only({ firewall })).toMatchObject({
      id: 'firewall-closed',
      level: 'failed',
      fix: { kind: 'open-firewall' },
    });
  });

  it('that forgets its rules is a warning, and none is fine', () => {
    const firewall = { tool: 'iptables', lasting: false, closed: [], commands: [] };
    expect(only({ firewall })).toMatchObject({ id: 'firewall-not-lasting', level: 'warning' });
    expect(ids({ firewall: 'none' })).toEqual([]);
  });
});

describe('the certificate', () => {
  it.each<[Rule, FindingId]>([
    [{ code: 'host-not-covered', host, names: 'DNS:a' }, 'certificate-wrong-host'],
    [{ code: 'expired', at: '2026-01-01' }, 'certificate-ended'],
    [{ code: 'not-yet-valid', at: '2027-01-01' }, 'certificate-early'],
    [{ code: 'key-mismatch', certFile: '/c' }, 'certificate-key-mismatch'],
    [{ code: 'not-a-certificate' }, 'certificate-problem'],
  ])('that breaks a rule fails: %o', (rule, id) => {
    expect(only(withCertificate({ pair: undefined, problems: [problem(rule)] }))).toMatchObject({
      id,
      level: 'failed',
    });
  });

  it('that is not the one that is served needs a reload', () => {
    const served = { notAfter: inDays(3), fingerprint: 'BB', pin };
    expect(only(withCertificate({ served }))).toMatchObject({
      id: 'certificate-not-loaded',
      fix: { kind: 'reload', unit: 'derp-relay.service' },
    });
  });

  it('is warned of before it ends: a pinned one weeks ahead, another when its renewal is late', () => {
    expect(only(withPair({ notAfter: inDays(29) }))).toMatchObject({
      id: 'certificate-ends-soon',
      data: { selfSigned: true },
    });
    const issued = { selfSigned: false, publiclyTrusted: true, trustedHere: true };
    const shortLived = { ...issued, notBefore: inDays(-2), notAfter: inDays(4) };
    expect(ids(withPair(shortLived))).toEqual([]);
    expect(only(withPair({ ...issued, notBefore: inDays(-5), notAfter: inDays(1) }))).toMatchObject({
      id: 'certificate-ends-soon',
      data: { selfSigned: false, daysLeft: 1 },
    });
  });

  it('must come with the chain to an authority', () => {
    const issued = { selfSigned: false, publiclyTrusted: false, trustedHere: false };
    expect(only(withPair(issued))).toMatchObject({ id: 'chain-incomplete', level: 'failed' });
    expect(only(withPair({ ...issued, trustedHere: true }))).toMatchObject({
      id: 'private-authority',
      level: 'warning',
    });
    expect(only(withPair({ ...issued, chainLength: 2 }))).toMatchObject({ id: 'private-authority' });
  });

  it('that this user may not read says nothing', () => {
    expect(ids(withCertificate({ denied: true, pair: undefined }))).toEqual([]);
  });
});

describe('the renewal', () => {
  it.each<[string, Partial<UnitFacts>, FindingId, object | undefined]>([
    ['is missing', { timer: { ...unit, found: false } }, 'timer-missing', undefined],
    ['does not run', { timer: { ...unit, active: 'inactive' } }, 'timer-stopped', { kind: 'start' }],
    ['is not enabled', { timer: { ...unit, enabled: false } }, 'timer-not-enabled', { kind: 'enable' }],
    ['failed', { renewal: { ...unit, active: 'failed', exitStatus: 1 } }, 'renewal-failed', undefined],
  ])('is told when it %s', (_, facts, id, fix) => {
    const finding = only(withUnits(facts));
    expect(finding.id).toBe(id);
    if (fix) expect(finding.fix).toMatchObject({ ...fix, unit: 'derp-setup-renew.timer' });
  });
});

describe('a renewal that failed', () => {
  const rule = { code: 'not-served', detail: 'port 443' } as const;
  const failure = { at: inDays(-0.1), problem: { subject: host, rule }, said: undefined, isDue: true, next: inDays(1) };
  const failing = { ...units, renewal: { ...unit, active: 'failed', exitStatus: 1 } as const };

  it('is told with its reason and the next try, once', () => {
    const finding = only({ ...healthy, units: failing, renewalFailure: failure });
    expect(finding).toMatchObject({
      id: 'order-failed',
      level: 'failed',
      data: { problem: { rule }, next: inDays(1) },
    });
  });

  it('is told as well when systemd knows of no failure, and matters less before the certificate is due', () => {
    expect(only({ ...healthy, renewalFailure: failure })).toMatchObject({ id: 'order-failed', level: 'failed' });
    const early = { ...failure, isDue: false };
    expect(only({ ...healthy, renewalFailure: early })).toMatchObject({ id: 'order-failed', level: 'warning' });
  });

  it('before an order is told by its journal', () => {
    const renewalJournal = ['derp-setup: no certificate: derp.example.com has no address'];
    const renewalFailure = { ...failure, problem: undefined, said: 'no certificate' };
    const finding = only({ ...healthy, units: { ...failing, renewalJournal }, renewalFailure });
    expect(finding).toMatchObject({ id: 'renewal-failed', data: { next: inDays(1), journal: renewalJournal } });
  });
});

describe('the client’s side', () => {
  it('tells what the probe found', () => {
    const checks = [check('login', 'warning', { reason: 'no-fast-start' }), failing('captive-portal', 'not-204')];
    expect(ids(withProbe({ checks }))).toEqual(['warning client-check', 'failed client-check']);
  });

  it('is content with nginx ending TLS where that was asked for, and not otherwise', () => {
    const checks = [check('login', 'warning', { reason: 'tls-ends-before' })];
    const facts = withProbe({ checks });
    expect(ids(facts)).toEqual(['warning client-check']);
    const where = { ...healthy.where!, listens: { ...healthy.where!.listens, tls: false } };
    expect(ids({ ...facts, where })).toEqual([]);
    expect(judgeAll({ ...healthy, ...facts, where })).toContainEqual(
      expect.objectContaining({ id: 'tls-ends-in-nginx', level: 'ok' }),
    );
  });

  it('leaves addresses, files and the map to their own checks', () => {
    const checks = [
      failing('tcp', 'connection-refused'),
      failing('certificate', 'pin-mismatch'),
      check('certificate', 'warning', { reason: 'expires-soon' }),
    ];
    expect(ids(withProbe({ checks }))).toEqual([]);
    expect(ids({ ...withProbe({ checks }), ...withCertificate({ denied: true, pair: undefined }) })).toHaveLength(2);
  });

  it('knows that STUN may show a machine its own address, and tells Docker’s proxy and a provider’s NAT apart', () => {
    const nat = failing('stun', 'nat-in-the-way', {
      data: { answers: [{ server: '203.0.113.7', mapped: '172.17.0.1', port: 5, rttMs: 1 }] },
    });
    expect(ids(withProbe({ checks: [check('stun', 'warning', { reason: 'own-address' })] }))).toEqual([]);
    expect(ids(withProbe({ checks: [nat] }))).toEqual(['failed client-check']);
    const behindNat = withRoutes([{ address: '203.0.113.7', local: false, leads: 'here' }]);
    expect(ids({ ...withProbe({ checks: [nat] }), ...behindNat })).toEqual(['warning stun-unproven']);
    const ports = healthy.ports.map((port) => ({ ...port, owner: { ...port.owner!, name: 'docker-proxy' } }));
    expect(ids({ ...withProbe({ checks: [nat] }), ports })).toEqual(['failed stun-through-docker']);
  });

  it('takes it for right that a stranger is refused, and for wrong that one is let in', () => {
    const refused = [failing('login', 'not-admitted')];
    expect(ids(withProbe({ checks: refused, known: false, stranger: 'refused' }))).toEqual([]);
    expect(ids(withProbe({ checks: refused }))).toEqual(['failed client-check']);
    expect(ids(withProbe({ checks: refused, known: false, stranger: undefined }))).toEqual(['failed client-check']);
    expect(ids(withProbe({ stranger: 'admitted' }))).toEqual(['warning strangers-admitted']);
  });
});

describe('the pace', () => {
  const withStalls = (stalls: number, stalledMs: number, more: Partial<typeof relay> = {}) => ({
    relay: {
      ...relay,
      uptimeSeconds: 86_400,
      stalls: { total: 9_000, longestMs: 322, lastHour: { stalls, stalledMs } },
      ...more,
    },
  });

  it('is worth a warning when the relay stood still for a hundredth of the last hour', () => {
    expect(only({ ...withStalls(400, 40_000), schedule: { ran: 100, waited: 60 } })).toEqual({
      id: 'relay-stalls',
      check: 'pace',
      level: 'warning',
      data: { stalls: 400, stalledMs: 40_000, minutes: 60, longestMs: 322, starved: true },
    });
    // What it had a processor for is its own load.
    expect(only({ ...withStalls(400, 40_000), schedule: { ran: 3000, waited: 60 } })).toMatchObject({
      data: { starved: false },
    });
    expect(only({ ...withStalls(400, 40_000), schedule: undefined })).toMatchObject({ data: { starved: false } });
  });

  it('is judged by the time that it runs, where that is less than an hour', () => {
    expect(only(withStalls(200, 10_000, { uptimeSeconds: 900 }))).toMatchObject({ data: { minutes: 15 } });
    expect(ids(withStalls(200, 10_000, { uptimeSeconds: 1200 }))).toEqual([]);
    // Nothing can be said of one that has just started.
    expect(ids(withStalls(200, 10_000, { uptimeSeconds: 300 }))).toEqual([]);
  });

  it('is no matter when that is rare, or long ago', () => {
    expect(ids(withStalls(19, 60_000))).toEqual([]);
    expect(ids(withStalls(300, 30_000))).toEqual([]);
    expect(ids(withStalls(0, 0))).toEqual([]);
  });
});

describe('the admission', () => {
  const tailscaled = (more: object) =>
    ({
      admission: { tailscaled: { state: 'running', version: '1.98.2', detail: undefined, ...more } },
    }) as Partial<DoctorFacts>;

  it.each<[FindingId, Partial<DoctorFacts>]>([
    ['tailscaled-absent', tailscaled({ state: 'absent' })],
    ['tailscaled-logged-out', tailscaled({ state: 'needs-login' })],
    ['tailscaled-stopped', tailscaled({ state: 'stopped' })],
    ['tailscaled-silent', tailscaled({ state: 'silent' })],
    ['tailscaled-silent', tailscaled({ detail: 'it denies this user its local API' })],
    ['tailscaled-old', tailscaled({ version: '1.66.4' })],
    ['admission-url-fails', { admission: { url: { url: 'https://h/verify', detail: 'status 404' } } }],
    ['key-list-bad', { admission: { keyFile: { path: '/keys', detail: 'line 3' } } }],
    [
      'key-list-unreachable',
      { admission: { keyFile: { path: '/root/keys', keys: 3, reachable: false, leftOut: [] } } },
    ],
  ])('fails: %s', (id, facts) => {
    expect(only(facts)).toMatchObject({ id, level: 'failed' });
  });

  it.each<[FindingId, Partial<DoctorFacts>]>([
    ['open-relay', { relay: { ...relay, admission: [] } }],
    ['admission-url-admits-all', { admission: { url: { url: 'https://h/verify', answer: 'admits' } } }],
    ['key-list-empty', { admission: { keyFile: { path: '/keys', keys: 0, reachable: true, leftOut: [] } } }],
    ['admission-unanswered', { relay: { ...relay, admissionFailures: 2 } }],
  ])('is worth a warning: %s', (id, facts) => {
    expect(only(facts)).toMatchObject({ id, level: 'warning' });
  });

  it('is not open to all where a list of addresses says who may come at all', () => {
    const restricted = { ...relay, admission: [], addressLists: { allow: 2, deny: null } };
    expect(only({ relay: restricted })).toMatchObject({ id: 'open-to-addresses', level: 'warning' });
    expect(only({ relay: { ...restricted, addressLists: { allow: null, deny: 3 } } })).toMatchObject({
      id: 'open-relay',
    });
  });

  it('needs lists of addresses that the relay can read when it starts again', () => {
    const list = { path: '/etc/lists/cn', list: 'allow' } as const;
    const look = (fact: Partial<AddressListFact>) =>
      judgeAll({
        ...healthy,
        relay: { ...relay, addressLists: { allow: 2, deny: null } },
        addressLists: [{ ...list, ...fact } as AddressListFact],
      }).filter(({ check }) => check === 'addresses');
    expect(look({ ranges: 2 })).toMatchObject([{ id: 'address-lists-fine', level: 'ok', data: { allow: 2 } }]);
    expect(look({ rule: { code: 'unreachable-by-relay' } })).toMatchObject([
      { id: 'address-list-unreachable', level: 'failed', data: { path: list.path } },
    ]);
    const rule = { code: 'bad-address-line', line: 3, text: 'x', flaw: { code: 'no-range' } } as const;
    expect(look({ rule })).toMatchObject([{ id: 'address-list-bad', data: { problem: { subject: list.path, rule } } }]);
  });

  it('is not what the kernel’s rules say, where those are of other lists', () => {
    expect(ids({ nftRules: 'current' })).toEqual([]);
    expect(only({ nftRules: 'stale' })).toMatchObject({ id: 'nft-rules-stale', level: 'warning' });
    expect(only({ nftRules: 'without-lists' })).toMatchObject({ level: 'failed', data: { isListed: false } });
  });

  it('is told of a URL that lets everybody in when it is silent, or that others could answer for', () => {
    const withRules = (url: string, failOpen = false) => ({
      installed: {
        ...installed,
        answers: { state: 'missing', path: '' } as const,
        relay: { state: 'read', path: '', value: { ...settings, admission: { url: { url, failOpen } } } } as const,
      },
      admission: {},
    });
    const about = (url: string, failOpen?: boolean) =>
      ids(withRules(url, failOpen)).filter((id) => !id.endsWith('file-missing'));
    expect(about('https://h/verify', true)).toEqual(['warning admission-url-open']);
    expect(about('http://h/verify')).toEqual(['warning admission-url-plain']);
    for (const within of ['http://127.0.0.1:8080/verify', 'http://localhost/', 'http://[::1]/', 'https://h/']) {
      expect(about(within)).toEqual([]);
    }
  });

  it('names the nodes of the tailnet that a list leaves out, where it alone decides', () => {
    const leftOut = [{ name: 'phone', key: `nodekey:${'a'.repeat(64)}`, shortKey: '[qqqqq]' }];
    const keyFile = { path: '/keys', keys: 3, reachable: true, leftOut };
    const withRules = (rules: typeof settings.admission) => ({
      installed: {
        ...installed,
        relay: { state: 'read', path: '', value: { ...settings, admission: rules } } as const,
      },
      admission: { keyFile },
    });
    const alone = found(withRules({ keyFile: '/keys' })).find(({ id }) => id === 'members-not-listed');
    expect(alone).toMatchObject({ level: 'warning', data: { nodes: [{ name: 'phone', key: '[qqqqq]' }] } });
    expect(JSON.stringify(alone)).not.toContain('aaaaaaaa');
    expect(ids(withRules({ keyFile: '/keys', tailscaled: { socket: '/s' } }))).not.toContain(
      'warning members-not-listed',
    );
  });

  it('tells whose node was refused, where this machine’s tailnet knows it', () => {
    const relayJournal = [
      log('info', 'client_refused', 3, { key: '[AAAAA]', address: '198.51.100.1', reason: 'not in the key file' }),
    ];
    expect(only(withUnits({ relayJournal }))).toMatchObject({
      data: { refused: [{ key: '[AAAAA]', name: 'relay', reason: 'not in the key file', times: 1 }] },
    });
  });

  it('tells who was refused in the last hour, but not the probes of this machine', () => {
    const refusal = (key: string, minutes: number, address = '198.51.100.1') =>
      log('info', 'client_refused', minutes, { key, address, reason: 'not in this tailnet' });
    const relayJournal = [
      refusal('[aaaaa]', 90),
      refusal('[bbbbb]', 50),
      refusal('[ccccc]', 40),
      refusal('[ccccc]', 30),
      refusal('[ddddd]', 3, '127.0.0.1'),
      refusal('[eeeee]', 2, '203.0.113.7'),
      'Started derp-relay.service.',
      '{"event":',
    ];
    expect(only(withUnits({ relayJournal }))).toMatchObject({
      id: 'refused-lately',
      data: {
        refused: [
          { key: '[ccccc]', reason: 'not in this tailnet', times: 2 },
          { key: '[bbbbb]', times: 1 },
        ],
      },
    });
  });
});

describe('the map', () => {
  const withMap = (map: typeof derpMap) => ({
    installed: { ...installed, derpMap: { state: 'read', path: layout.derpMap, value: map } as const },
  });
  const region = derpMap.Regions['900']!;
  const changed = (more: object, node: object = {}) =>
    withMap({ Regions: { x: { ...region, ...more, Nodes: [{ ...region.Nodes[0]!, ...node }] } } });

  it.each<[FindingId, Partial<DoctorFacts>]>([
    ['map-differs', changed({}, { DERPPort: 8443 })],
    ['map-differs', changed({}, { HostName: 'old.example.com' })],
    ['pin-differs', { where: { ...healthy.where!, pin: `sha256-raw:${'c'.repeat(64)}` } }],
  ])('fails: %s', (id, facts) => {
    expect(only(facts)).toMatchObject({ id, level: 'failed' });
  });

  it('should not take a number of Tailscale’s', () => {
    expect(only(changed({ RegionID: 20 }))).toMatchObject({ id: 'region-of-tailscale', level: 'warning' });
    expect(only(changed({ RegionID: 1000 }))).toMatchObject({ id: 'region-out-of-range', level: 'warning' });
  });
});

describe('the map that the tailnet gives to its clients', () => {
  const ours = healthy.tailnet!.relays![0]!;
  const told = (...relays: object[]) => ({
    tailnet: { ...healthy.tailnet!, relays: relays.map((relay) => ({ ...ours, ...relay })) },
  });

  it('must name this relay', () => {
    expect(only(told({ regionId: 1, name: '1a', hostName: 'derp1.tailscale.com' }))).toMatchObject({
      id: 'tailnet-map-lacks',
      level: 'warning',
      data: { headscale: layout.headscaleMap },
    });
  });

  it.each<[string, object, object]>([
    [
      'the port is missing, so that clients take 443',
      { derpPort: 443 },
      { name: 'DERPPort', there: '443', here: '8443' },
    ],
    ['STUN is elsewhere', { stunPort: 3479 }, { name: 'STUNPort', there: '3479', here: '3478' }],
    ['the pin is an old one', { certName: 'sha256-raw:old' }, { name: 'CertName', there: 'sha256-raw:old', here: pin }],
    ['the pin is missing', { certName: '' }, { name: 'CertName', there: '', here: pin }],
    [
      'the name is another',
      { hostName: 'old.example.com' },
      { name: 'HostName', there: 'old.example.com', here: host },
    ],
    ['the address is another', { ipv4: '203.0.113.99' }, { name: 'IPv4', there: '203.0.113.99', here: '203.0.113.7' }],
  ])('must be right about it: %s', (_, relay, field) => {
    const region = derpMap.Regions['900']!;
    const derpPort = 'derpPort' in relay ? 8443 : 443;
    const map = { Regions: { '900': { ...region, Nodes: [{ ...region.Nodes[0]!, DERPPort: derpPort }] } } };
    const facts = {
      ...told({ derpPort, ...relay }),
      installed: { ...installed, derpMap: { state: 'read', path: layout.derpMap, value: map } as const },
      where: { ...healthy.where!, ports: { ...healthy.where!.ports, derp: derpPort } },
    };
    const finding = judgeAll({ ...healthy, ...facts }).find(({ id }) => id === 'tailnet-map-differs');
    expect(finding).toMatchObject({ level: 'failed', data: { regionId: 900, fields: [field] } });
  });

  it('may keep clients off a family, name an address of this machine, and spell the name otherwise', () => {
    expect(ids(told({ ipv4: '203.0.113.7', ipv6: 'none', hostName: 'DERP.example.com' }))).toEqual([]);
  });

  it('should have clients look at the certificate', () => {
    expect(ids(told({ insecure: true, certName: '' }))).toEqual(['warning tailnet-map-insecure']);
  });

  it('should give this relay a region of its own, of the right numbers', () => {
    expect(only(told({}, { name: '900b', hostName: 'b.example.com' }))).toMatchObject({
      id: 'tailnet-region-shared',
      data: { others: ['b.example.com'] },
    });
    expect(ids(told({}, { name: '900b', hostName: 'b.example.com', stunOnly: true }))).toEqual([]);
    // Named twice, as some guides do.
    expect(ids(told({}, { name: '900b' }))).toEqual([]);
    expect(only(told({ regionId: 114 }))).toMatchObject({ id: 'region-of-tailscale', data: { regionId: 114 } });
  });

  it('says nothing where there is none', () => {
    expect(ids({ tailnet: { ...healthy.tailnet!, relays: undefined } })).toEqual([]);
  });

  it('is lost with the key of the machine, which is told in time, where tailscaled decides', () => {
    const ending = (days: number) => ({ tailnet: { ...healthy.tailnet!, keyExpiry: inDays(days) } });
    expect(only(ending(12))).toMatchObject({ id: 'tailscaled-key-ends', data: { daysLeft: 12 } });
    expect(ids(ending(31))).toEqual([]);
    const relayWithout = { state: 'read', path: '', value: { ...settings, admission: { keyFile: '/keys' } } } as const;
    expect(ids({ ...ending(12), installed: { ...installed, relay: relayWithout } })).not.toContain(
      'warning tailscaled-key-ends',
    );
  });
});

describe('whether anybody comes', () => {
  const lonely = { relay: { ...relay, clients: 0, uptimeSeconds: 3600 } };
  const came = (event: string, address: string) =>
    withUnits({ relayJournal: [log('info', event, 5, { address, key: '[aaaaa]', reason: 'x' })] });

  it('is worth a warning when nobody has, which the provider’s firewall may be the reason of', () => {
    const finding = { id: 'nobody-came', level: 'warning', data: { host, ports: ['443/tcp', '3478/udp'] } };
    for (const address of ['127.0.0.1', '203.0.113.7', '::1']) {
      expect(only({ ...lonely, ...came('client_connected', address) })).toMatchObject(finding);
    }
  });

  it('is none when a client came and went, the relay is young, or nobody can tell', () => {
    expect(ids({ ...lonely, ...came('client_connected', '198.51.100.1') })).toEqual([]);
    expect(ids({ ...lonely, ...came('client_refused', '198.51.100.1') })).toEqual(['warning refused-lately']);
    expect(ids({ relay: { ...relay, clients: 0, uptimeSeconds: 300 } })).toEqual([]);
    expect(ids({ ...lonely, ...withUnits({ relayJournal: [] }) })).toEqual([]);
  });
});

describe('the machine', () => {
  const disk = (freeBytes: number, freeFiles?: number) => ({ disks: [{ path: '/etc', freeBytes, freeFiles }] });

  it.each<[string, Partial<DoctorFacts>]>([
    ['warning clock-not-synchronized', { clockSynchronized: false }],
    ['failed disk-full', disk(1_000_000)],
    ['failed disk-full', disk(5e9, 0)],
    ['warning disk-low', disk(100_000_000)],
    ['warning open-files-few', { openFilesLimit: 1024 }],
    ['failed open-files-few', { openFilesLimit: 1024, relay: { ...relay, clients: 800 } }],
  ])('is told of: %s', (expected, facts) => {
    expect(ids(facts)).toEqual([expected]);
  });
});

describe('the log', () => {
  it('is told of when it has errors of the last hour', () => {
    const relayJournal = [
      log('error', 'internal_error', 200),
      log('error', 'internal_error', 20, { problem: 'Error: x\n    at y' }),
      log('error', 'certificate_not_reloaded', 10, { problem: 'no such file' }),
      log('error', 'admission_unanswered', 5),
    ];
    expect(only(withUnits({ relayJournal }))).toMatchObject({
      id: 'log-errors',
      data: { events: { internal_error: 1, certificate_not_reloaded: 1 }, last: 'no such file' },
    });
  });

  it('is not told of errors that are over', () => {
    const refused = log('error', 'certificate_not_reloaded', 20, { problem: 'they do not match' });
    const reloaded = log('info', 'certificate_reloaded', 19);
    expect(ids(withUnits({ relayJournal: [refused, reloaded] }))).toEqual([]);
    const again = withUnits({ relayJournal: [reloaded, refused] });
    expect(ids(again)).toEqual(['warning log-errors']);
    expect(ids({ ...again, relay: { ...relay, certificateRefused: 'no' } })).toEqual(['warning log-errors']);
    expect(ids({ ...again, relay: { ...relay, certificateRefused: null } })).toEqual([]);
  });

  it('is replaced by the relay’s own count where it cannot be read', () => {
    const facts = { ...withUnits({ relayJournal: [] }), relay: { ...relay, internalErrors: 3 } };
    expect(only(facts)).toMatchObject({ id: 'log-errors', data: { events: { internal_error: 3 } } });
  });
});
