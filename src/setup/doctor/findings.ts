/** What the doctor can find: codes and facts; the sentences are in the message catalogues. */
import type { Opening } from '../../deploy/steps.ts';
import type { Check, ProbeOptions } from '../../probe/check.ts';
import type { PortOwner } from '../../system/port-owner.ts';
import type { PortProtocol } from '../../system/ports.ts';
import type { Problem } from '../answers/problems.ts';

/**
 * - `ok`: as it should be.
 * - `warning`: it works, but not as well as it could, or not for long.
 * - `failed`: clients are kept out, or will be after the next start.
 */
export type Level = 'ok' | 'warning' | 'failed';

type None = Record<never, never>;
type Paths = { path: string };
type Journal = { journal: readonly string[] };

/** The facts of each finding. All are safe to print. */
export interface FindingData {
  // The files of the installation.
  'files-fine': None;
  'file-missing': Paths;
  'file-damaged': Paths;
  'file-unusable': { problem: Problem };
  'answers-differ': { path: string; fields: readonly { name: string; answer: string; relay: string }[] };
  'file-edited': Paths;

  // The service.
  'service-runs': { since: Date | undefined; version: string };
  'foreground-runs': { version: string };
  'foreground-ended': None;
  'prepared-only': { root: string };
  'service-missing': { unit: string };
  'service-stopped': { unit: string; active: string; result: string; exitStatus: number | undefined } & Journal;
  'service-restarting': { unit: string; restarts: number; exitStatus: number | undefined } & Journal;
  'service-restarted': { restarts: number; since: Date } & Journal;
  'service-not-enabled': { unit: string };
  'unit-stale': { unit: string };
  'docker-silent': None;
  'container-runs': { since: Date | undefined; version: string; image: string };
  'container-missing': { name: string };
  'container-stopped': { name: string; status: string; exitStatus: number | undefined } & Journal;
  'container-restarting': { name: string; restarts: number; exitStatus: number | undefined } & Journal;
  'container-unhealthy': { name: string; image: string };
  'container-not-at-boot': { name: string };
  'image-outdated': { name: string; image: string };
  'relay-silent': { port: number } & Journal;
  'other-relay-answers': { port: number };
  'restart-needed': { running: string; installed: string };
  'derper-enabled': { name: string; running: boolean };

  // The Node that runs it.
  'runtime-fine': { version: string };
  'runtime-missing': Paths;
  'runtime-too-old': { path: string; version: string };
  'runtime-broken': { path: string; detail: string };

  // From the host to this machine.
  'host-leads-here': { host: string; addresses: readonly string[] };
  'host-unresolved': { host: string; failure: 'not-found' | 'no-answer' };
  'address-blocked': { host: string; address: string; port: number };
  'address-elsewhere': { host: string; address: string };
  'address-not-mine': { host: string; address: string; own: readonly string[] };
  'address-unproven': { host: string; address: string; port: number };
  'ports-held': { ports: readonly string[] };
  'port-taken': { protocol: PortProtocol; port: number; flag: string; owner: PortOwner };
  'port-closed': { protocol: PortProtocol; port: number };
  'no-firewall': None;
  'firewall-open': { tool: string };
  'firewall-closed': { tool: string; openings: readonly Opening[]; commands: readonly string[] };
  'firewall-not-lasting': { tool: string };

  // The nginx before it.
  'nginx-runs': { version: string; port: number };
  'nginx-missing': { port: number };
  'nginx-stopped': None;
  'nginx-broken': { said: readonly string[] };
  'nginx-route-gone': { port: number; relayPort: number };
  'nginx-site-on-port': { port: number; file: string; line: number };

  // What clients find.
  'client-served': { packets: number; medianMs: number | undefined };
  'client-check': { check: Check; about: ProbeOptions };
  /** As it was asked for. */
  'tls-ends-in-nginx': None;
  'strangers-refused': None;
  'strangers-admitted': None;
  'stun-through-docker': { port: number; mapped: string };
  'stun-unproven': { mapped: string };

  // The certificate and its renewal.
  'certificate-fine': { host: string; notAfter: Date; daysLeft: number };
  'certificate-wrong-host': { host: string; names: string };
  'certificate-ended': { at: string };
  'certificate-early': { at: string };
  'certificate-key-mismatch': { certFile: string; keyFile: string };
  'certificate-problem': { problem: Problem };
  'certificate-ends-soon': { notAfter: Date; daysLeft: number; selfSigned: boolean };
  'certificate-not-loaded': { servedUntil: Date; fileUntil: Date };
  'chain-incomplete': { file: string; issuer: string };
  'private-authority': { file: string; issuer: string };
  'renewal-planned': { next: Date | undefined };
  'timer-missing': { unit: string };
  'timer-stopped': { unit: string };
  'timer-not-enabled': { unit: string };
  /** `next`: when it is tried again by itself. */
  'renewal-by-cron-planned': None;
  'renewal-by-nobody': { line: string };
  'renewal-failed': { unit: string; exitStatus: number | undefined; next: Date | undefined } & Journal;
  'order-failed': { problem: Problem; at: Date | undefined; next: Date | undefined };

  // Modes and owners.
  'permissions-fine': None;
  'file-exposed': { path: string; mode: number; wanted: number };
  'file-mode': { path: string; mode: number; wanted: number };
  'file-owner': { path: string; owner: string; wanted: string };

  // Who may use it.
  'open-relay': None;
  /** Anybody may use it who comes from an allowed address. */
  'open-to-addresses': None;
  'tailscaled-answers': { version: string | undefined };
  'tailscaled-absent': None;
  'tailscaled-silent': { detail: string };
  'tailscaled-logged-out': None;
  'tailscaled-stopped': None;
  'tailscaled-old': { version: string; first: string };
  'admission-url-answers': { url: string };
  'admission-url-fails': { url: string; detail: string };
  'admission-url-admits-all': { url: string };
  'admission-url-open': { url: string };
  'admission-url-plain': { url: string };
  'key-list-fine': { path: string; keys: number };
  'key-list-empty': Paths;
  'key-list-unreachable': Paths;
  'key-list-bad': { path: string; detail: string };
  'admission-unanswered': { failures: number };
  /** `name`: the node of this machine's tailnet that has the key. */
  'refused-lately': { refused: readonly { key: string; name?: string; reason: string; times: number }[] };
  'address-lists-fine': { allow: number | undefined; deny: number | undefined };
  'address-list-unreachable': Paths;
  'address-list-bad': { problem: Problem };
  /** `isListed`: the relay has lists at all. */
  'nft-rules-stale': { isListed: boolean };
  'members-not-listed': { path: string; nodes: readonly { name: string; key: string }[] };

  // The map.
  'map-fine': { regionId: number };
  'map-differs': { path: string };
  'pin-differs': { path: string; mapPin: string; certificatePin: string };
  'region-of-tailscale': { regionId: number };
  'region-out-of-range': { regionId: number };

  // What the tailnet tells its clients, and whether they come.
  'tailnet-map-fine': { regionId: number };
  'tailnet-map-lacks': { headscale: string };
  'tailnet-map-differs': { regionId: number; fields: readonly { name: string; there: string; here: string }[] };
  'tailnet-map-insecure': { regionId: number };
  'tailnet-region-shared': { regionId: number; others: readonly string[] };
  'tailscaled-key-ends': { at: Date; daysLeft: number };
  'clients-connected': { clients: number };
  'nobody-came': { host: string; ports: readonly string[] };

  // The machine.
  'clock-synchronized': None;
  'clock-not-synchronized': None;
  'disk-room': { freeBytes: number };
  'disk-low': { path: string; freeBytes: number };
  'disk-full': { path: string; freeBytes: number };
  'open-files-enough': { limit: number };
  'open-files-few': { limit: number; clients: number };
  /** In so many minutes. `starved`: the machine had no processor to give. */
  'relay-stalls': { stalls: number; stalledMs: number; minutes: number; longestMs: number; starved: boolean };
  'log-fine': None;
  'log-errors': { events: Readonly<Record<string, number>>; last: string };
  'needs-root': None;
}

export type FindingId = keyof FindingData;

/** How a finding can be mended without a decision of anybody's. */
export type Fix =
  | { kind: 'daemon-reload' }
  | { kind: 'enable' | 'start' | 'reload'; unit: string }
  | { kind: 'start-container'; name: string }
  | { kind: 'mode'; path: string; mode: number }
  | { kind: 'owner'; path: string; owner: string }
  /** Only when it is asked for by name. */
  | { kind: 'open-firewall' };

/** One thing that was found. */
export type Finding<Id extends FindingId = FindingId> = {
  [Each in Id]: { id: Each; level: Level; data: FindingData[Each]; fix?: Fix };
}[Id];

function finding<Id extends FindingId>(level: Level, id: Id, data: FindingData[Id], fix?: Fix): Finding {
  return { id, level, data, ...(fix !== undefined && { fix }) } as Finding;
}

/** Something that is as it should be. */
export function fine<Id extends FindingId>(id: Id, data: FindingData[Id]): Finding {
  return finding('ok', id, data);
}

/** Something that works, but could be better or will break. */
export function warning<Id extends FindingId>(id: Id, data: FindingData[Id], fix?: Fix): Finding {
  return finding('warning', id, data, fix);
}

/** Something that keeps clients out. */
export function failed<Id extends FindingId>(id: Id, data: FindingData[Id], fix?: Fix): Finding {
  return finding('failed', id, data, fix);
}
