/** The counters of a running relay, read without trust in their form: an older or newer relay may count other things. */
import { dropReasons } from '../../relay/counters.ts';
import type { RelayStatus } from '../relay-status.ts';

/** What is known of a running relay. Everything counts from its start. */
export interface RelayCounters {
  version: string;
  /** 64 hex digits. */
  publicKey: string;
  uptimeSeconds: number;
  /** Now. */
  clients: number;
  homeClients: number;
  logins: { fastStart: number; upgrade: number; websocket: number; refused: number };
  packetsReceived: number;
  bytesReceived: number;
  bytesSent: number;
  /** Packets dropped, by reason; only reasons with any. */
  drops: Record<string, number>;
  /** Connections over the limit on new ones. */
  overLimit: number;
  /** How clients are admitted: `key_file`, `tailscaled`, `url`; none when everybody is; undefined when it does not say. */
  admission: string[] | undefined;
  /** How many ranges each list of addresses has; null without that list, undefined when it does not say. */
  addressLists: { allow: number | null; deny: number | null } | undefined;
  /** Connections and datagrams from addresses that are kept out, and clients that a change of the lists disconnected. */
  addressesRefused: number;
  addressRemovals: number;
  /** How fast one client may send, bytes a second; 0 for no limit. */
  clientRate: number;
  admissionFailures: number;
  admissionRemovals: number;
  stun: { answered: number; ignored: number; overLimit: number };
  /** Why the certificate in its files is not the one that it serves; null when it is, undefined when it does not say. */
  certificateRefused: string | null | undefined;
  internalErrors: number;
  /** When its event loop stood still: since its start, and in the last hour, milliseconds. */
  stalls: { total: number; longestMs: number; lastHour: { stalls: number; stalledMs: number } };
  /** The memory of its process. */
  rssBytes: number;
}

type Json = Record<string, unknown>;

const objectAt = (json: Json, name: string): Json => {
  const value = json[name];
  return typeof value === 'object' && value !== null ? (value as Json) : {};
};

const numberAt = (json: Json, name: string): number => {
  const value = json[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
};

const readRefusal = (value: unknown) => (value === null || typeof value === 'string' ? value : undefined);

function readStalls(json: Json): RelayCounters['stalls'] {
  const lastHour = objectAt(json, 'last_hour');
  return {
    total: numberAt(json, 'stalls'),
    longestMs: numberAt(json, 'longest_stall_ms'),
    lastHour: { stalls: numberAt(lastHour, 'stalls'), stalledMs: numberAt(lastHour, 'stalled_ms') },
  };
}

function readAddressLists(json: unknown): RelayCounters['addressLists'] {
  if (typeof json !== 'object' || json === null) return undefined;
  const sizeOf = (size: unknown) => (typeof size === 'number' ? size : null);
  const { allow, deny } = json as Json;
  return { allow: sizeOf(allow), deny: sizeOf(deny) };
}

function readDrops(json: Json): Record<string, number> {
  const dropped = objectAt(json, 'packets_dropped');
  const kinds = ['disco', 'other'].map((kind) => objectAt(dropped, kind));
  const entries = dropReasons.map((reason): [string, number] => [
    reason,
    kinds.reduce((sum, kind) => sum + numberAt(kind, reason), 0),
  ]);
  return Object.fromEntries(entries.filter(([, packets]) => packets > 0));
}

/** Reads the counters; what is missing counts as zero. */
export function readCounters(status: RelayStatus): RelayCounters {
  const logins = objectAt(status, 'logins');
  const stun = objectAt(status, 'stun');
  const packets = objectAt(status, 'packets_received');
  const { admission } = status;
  return {
    version: status.version,
    publicKey: status.public_key,
    uptimeSeconds: numberAt(status, 'uptime_seconds'),
    clients: numberAt(status, 'clients'),
    homeClients: numberAt(status, 'home_clients'),
    logins: {
      fastStart: numberAt(logins, 'fast_start'),
      upgrade: numberAt(logins, 'upgrade'),
      websocket: numberAt(logins, 'websocket'),
      refused: numberAt(status, 'logins_refused'),
    },
    packetsReceived: numberAt(packets, 'disco') + numberAt(packets, 'other'),
    bytesReceived: numberAt(status, 'bytes_received'),
    bytesSent: numberAt(status, 'bytes_sent'),
    drops: readDrops(status),
    overLimit: numberAt(status, 'accepts_over_limit'),
    admission: Array.isArray(admission) ? admission.map(String) : undefined,
    addressLists: readAddressLists(status.address_lists),
    addressesRefused: numberAt(status, 'addresses_refused') + numberAt(stun, 'refused'),
    addressRemovals: numberAt(status, 'address_removals'),
    clientRate: numberAt(objectAt(status, 'client_rate'), 'bytes_per_second'),
    admissionFailures: numberAt(status, 'admission_failures'),
    admissionRemovals: numberAt(status, 'admission_removals'),
    stun: {
      answered: numberAt(stun, 'answered'),
      ignored: numberAt(stun, 'ignored'),
      overLimit: numberAt(stun, 'over_limit'),
    },
    certificateRefused: readRefusal(objectAt(status, 'certificate').refused),
    internalErrors: numberAt(status, 'internal_errors'),
    stalls: readStalls(objectAt(status, 'event_loop')),
    rssBytes: numberAt(objectAt(status, 'memory'), 'rss'),
  };
}

/** Counters at a moment, milliseconds by a clock that only goes forward. */
export interface Sample {
  at: number;
  counters: RelayCounters | undefined;
}

/** What goes through the relay, a second. */
export interface Traffic {
  bytesReceived: number;
  bytesSent: number;
  packetsReceived: number;
}

/** What went through between two samples, a second; undefined when the relay was not there for both of them. */
export function trafficBetween(before: Sample | undefined, now: Sample): Traffic | undefined {
  const [earlier, later] = [before?.counters, now.counters];
  if (before === undefined || earlier === undefined || later === undefined) return undefined;
  const seconds = (now.at - before.at) / 1000;
  // Counters that are smaller than before are another process's.
  const restarted = later.bytesSent < earlier.bytesSent || later.bytesReceived < earlier.bytesReceived;
  if (seconds <= 0 || restarted || later.publicKey !== earlier.publicKey) return undefined;
  return {
    bytesReceived: (later.bytesReceived - earlier.bytesReceived) / seconds,
    bytesSent: (later.bytesSent - earlier.bytesSent) / seconds,
    packetsReceived: (later.packetsReceived - earlier.packetsReceived) / seconds,
  };
}
