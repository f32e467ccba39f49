/** The facts of a relay that is as it should be, for tests that spoil one of them. */
import { layoutBelow } from '../../../src/deploy/layout.ts';
import type { DerpMap } from '../../../src/derp-map/region.ts';
import type { Check, CheckId } from '../../../src/probe/check.ts';
import type { DoctorFacts, HostFacts, UnitFacts } from '../../../src/setup/doctor/facts.ts';
import { readCounters } from '../../../src/setup/status/counters.ts';
import type { Installed, RelaySettings } from '../../../src/setup/status/installed.ts';
import type { UnitState } from '../../../src/system/services.ts';

export const now = new Date('2026-11-21T12:00:00Z');
export const inDays = (days: number) => new Date(now.getTime() + days * 86_400_000);
export const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
export const layout = layoutBelow('/');
export const host = 'derp.example.com';
export const pin = `sha256-raw:${'a'.repeat(64)}`;
export const publicKey = 'b'.repeat(64);

export const unit: UnitState = {
  found: true,
  active: 'active',
  subState: 'running',
  enabled: true,
  result: 'success',
  mainPid: 812,
  restarts: 0,
  since: inDays(-12),
  needsReload: false,
};

export const settings: RelaySettings = {
  hostname: host,
  derpPort: 443,
  httpPort: 80,
  stunPort: 3478,
  home: 'default',
  keyFile: layout.relayKey,
  behind: { derp: false, http: false },
  certificate: { certFile: layout.certificate(host), keyFile: layout.certificateKey(host) },
  admission: { tailscaled: { socket: '/run/tailscale/tailscaled.sock' } },
  allowCidr: null,
  denyCidr: null,
  proxyProtocolFrom: [],
};

export const derpMap: DerpMap = {
  Regions: {
    '900': {
      RegionID: 900,
      RegionCode: 'myderp',
      RegionName: 'My DERP',
      Nodes: [{ Name: '900a', RegionID: 900, HostName: host, CertName: pin, CanPort80: true }],
    },
  },
};

const read = <T>(path: string, value: T) => ({ state: 'read', path, value }) as const;
const saved = <T>(value: T) => ({ value, source: 'saved', subject: '' }) as const;

export const installed: Installed = {
  layout,
  target: 'systemd',
  onMachine: true,
  answers: read(layout.config, {
    given: { host: saved(host), derpPort: saved(443), verify: saved({ kind: 'tailscaled' as const }) },
    problems: [],
  }),
  relay: read(layout.relayConfig, settings),
  derpMap: read(layout.derpMap, derpMap),
  manifest: read(layout.manifest, { version: '1.0.0', files: [], directories: [], links: [], trees: [], units: [] }),
  version: '1.0.0',
};

export const units: UnitFacts = {
  relay: unit,
  timer: unit,
  renewal: { ...unit, active: 'inactive', subState: 'dead' },
  timerNext: inDays(0.3),
  relayJournal: [JSON.stringify({ time: minutesAgo(5).toISOString(), level: 'info', event: 'client_connected' })],
  renewalJournal: [],
};

export const relay = readCounters({
  version: '1.0.0',
  uptime_seconds: 60,
  public_key: publicKey,
  clients: 14,
  admission: ['tailscaled'],
});

export const hostFacts: HostFacts = {
  failure: undefined,
  routes: [{ address: '203.0.113.7', local: true, leads: 'here' }],
  global: { ipv4: ['203.0.113.7'], ipv6: [] },
};

/** A check of the probe. */
export function check(id: CheckId, status: Check['status'], more: Partial<Check> = {}): Check {
  return { id, ok: status !== 'failed', status, detail: `${id} is ${status}`, ...more };
}

const exchange = { sent: 80, lost: 0, loss: 0, bytes: 1, minMs: 1, medianMs: 2, maxMs: 3 };

export const healthy: DoctorFacts = {
  now,
  isRoot: true,
  installed,
  where: {
    host,
    ports: { derp: 443, http: 80, stun: 3478 },
    listens: { derp: 443, http: 80, tls: true },
    pin,
    addresses: [],
  },
  units,
  container: undefined,
  renewedByCron: undefined,
  renewalFailure: undefined,
  relay,
  key: { publicKey },
  files: [
    {
      path: layout.relayKey,
      secret: true,
      wantedMode: 0o600,
      wantedOwner: 'derp-relay:derp-relay',
      found: { mode: 0o600, owner: 'derp-relay:derp-relay' },
    },
  ],
  edited: [],
  runtime: { state: 'works', path: '/usr/bin/node', version: '24.1.0', supported: true },
  host: hostFacts,
  ports: [
    { purpose: 'derp', protocol: 'tcp', port: 443, owner: { name: 'node', pid: 812 } },
    { purpose: 'http', protocol: 'tcp', port: 80, owner: { name: 'node', pid: 812 } },
    { purpose: 'stun', protocol: 'udp', port: 3478, owner: { name: 'node', pid: 812 } },
  ],
  certificate: {
    certFile: layout.certificate(host),
    keyFile: layout.certificateKey(host),
    denied: false,
    problems: [],
    pair: {
      notBefore: inDays(-65),
      notAfter: inDays(300),
      fingerprint: 'AA',
      selfSigned: true,
      pin,
      issuer: 'CN=derp.example.com',
      chainLength: 1,
      publiclyTrusted: false,
      trustedHere: false,
    },
    served: { notAfter: inDays(300), fingerprint: 'AA', pin },
  },
  firewall: { tool: 'ufw', lasting: true, closed: [], commands: [] },
  derpers: [],
  admission: { tailscaled: { state: 'running', version: '1.98.2', detail: undefined } },
  addressLists: [],
  nftRules: undefined,
  tailnet: {
    relays: [
      {
        regionId: 900,
        name: '900a',
        hostName: host,
        certName: pin,
        ipv4: '',
        ipv6: '',
        derpPort: 443,
        stunPort: 3478,
        stunOnly: false,
        insecure: false,
      },
    ],
    nodes: [{ name: 'relay', key: `nodekey:${'0'.repeat(64)}`, shortKey: '[AAAAA]' }],
    keyExpiry: undefined,
  },
  clockSynchronized: true,
  disks: [{ path: layout.configDirectory, freeBytes: 5e9, freeFiles: undefined }],
  openFilesLimit: 1_048_576,
  schedule: { ran: 100, waited: 2 },
  probe: {
    checks: [
      check('login', 'ok', { data: { way: 'fast-start', serverKey: 'x' } }),
      check('relay', 'ok', { data: exchange }),
    ],
    about: { host },
    byHost: true,
    known: true,
    stranger: 'refused',
  },
};
