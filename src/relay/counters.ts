/** What the relay counts. Names follow derper's, so that existing dashboards can be moved over. */
import type { ExceededLimit } from './limits/connection-limits.ts';

/** Why a packet was dropped: a closed list, which the counters are built from. Source: `derpserver.go`, dropReason. */
export const dropReasons = [
  'unknown_dest',
  'unknown_dest_on_fwd',
  'gone_disconnected',
  'queue_head',
  'queue_tail',
  'write_error',
  'dup_client',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Disco packets and all others are counted apart. */
export type PacketKind = 'disco' | 'other';

/** How a client's connection became DERP. */
export type LoginWay = 'fast_start' | 'upgrade' | 'websocket';

type DropTable = Record<DropReason, { packets: number; bytes: number }>;

function dropTable(): DropTable {
  return Object.fromEntries(dropReasons.map((reason) => [reason, { packets: 0, bytes: 0 }])) as DropTable;
}

/** The relay's counters and gauges, as plain numbers that the hot path increments. */
export class Counters {
  packetsReceivedDisco = 0;
  packetsReceivedOther = 0;
  bytesReceived = 0;
  framesSent = 0;
  bytesSent = 0;
  writes = 0;
  readonly drops: Record<PacketKind, DropTable> = { disco: dropTable(), other: dropTable() };
  peerGoneDisconnected = 0;
  peerGoneNotHere = 0;
  pingsReceived = 0;
  pongsSent = 0;
  keepAlivesSent = 0;
  unknownFrames = 0;
  pushBacks = 0;
  /** How often a client was not read for a moment because it sent faster than it may. */
  ratePauses = 0;
  writeTimeouts = 0;
  vanished = 0;
  internalErrors = 0;
  /** Times that the event loop stood still, and the longest of them in milliseconds. */
  stalls = 0;
  longestStall = 0;
  accepts = 0;
  acceptsOverLimit = 0;
  /** Connections that were closed because too many were open: in all, from one address, or from one without a login. */
  readonly connectionsOverLimit: Record<ExceededLimit, number> = { total: 0, address: 0, waiting: 0 };
  clients = 0;
  clientsNotIdeal = 0;
  homeClients = 0;
  duplicateKeys = 0;
  duplicateConnections = 0;
  readonly logins: Record<LoginWay, number> = { fast_start: 0, upgrade: 0, websocket: 0 };
  loginsRefused = 0;
  /** Questions to tailscaled or the admission URL; those that got no answer; clients disconnected by a later no. */
  admissionQuestions = 0;
  admissionFailures = 0;
  admissionRemovals = 0;
  /** ACME challenges answered, and requests for one that there is no file for. */
  readonly challenges = { http_01: 0, tls_alpn_01: 0, unknown: 0 };
  /** Connections and datagrams from addresses that are kept out; clients disconnected because a list has changed. */
  addressesRefused = 0;
  addressRemovals = 0;
  stunRefused = 0;
  stunAnswered = 0;
  stunIgnored = 0;
  stunOverLimit = 0;

  /** Counts one dropped packet of `bytes` bytes (without frame overhead). */
  drop(reason: DropReason, kind: PacketKind, bytes: number): void {
    this.dropMany(reason, kind, 1, bytes);
  }

  /** Counts several dropped packets of `bytes` bytes in all. */
  dropMany(reason: DropReason, kind: PacketKind, packets: number, bytes: number): void {
    const entry = this.drops[kind][reason];
    entry.packets += packets;
    entry.bytes += Math.max(0, bytes);
  }

  /** Everything as JSON-ready data, in the spelling of /debug/vars. */
  snapshot(): Record<string, unknown> {
    const packetsDropped: Record<string, Record<string, number>> = {};
    const bytesDropped: Record<string, Record<string, number>> = {};
    for (const kind of ['disco', 'other'] as const) {
      packetsDropped[kind] = Object.fromEntries(dropReasons.map((r) => [r, this.drops[kind][r].packets]));
      bytesDropped[kind] = Object.fromEntries(dropReasons.map((r) => [r, this.drops[kind][r].bytes]));
    }
    return {
      clients: this.clients,
      clients_not_ideal: this.clientsNotIdeal,
      home_clients: this.homeClients,
      duplicate_keys: this.duplicateKeys,
      duplicate_connections: this.duplicateConnections,
      accepts: this.accepts,
      accepts_over_limit: this.acceptsOverLimit,
      connections_over_limit: { ...this.connectionsOverLimit },
      addresses_refused: this.addressesRefused,
      address_removals: this.addressRemovals,
      logins: { ...this.logins },
      logins_refused: this.loginsRefused,
      admission_questions: this.admissionQuestions,
      admission_failures: this.admissionFailures,
      admission_removals: this.admissionRemovals,
      packets_received: { disco: this.packetsReceivedDisco, other: this.packetsReceivedOther },
      bytes_received: this.bytesReceived,
      frames_sent: this.framesSent,
      bytes_sent: this.bytesSent,
      writes: this.writes,
      packets_dropped: packetsDropped,
      bytes_dropped: bytesDropped,
      push_backs: this.pushBacks,
      rate_pauses: this.ratePauses,
      write_timeouts: this.writeTimeouts,
      vanished: this.vanished,
      internal_errors: this.internalErrors,
      peer_gone: { disconnected: this.peerGoneDisconnected, not_here: this.peerGoneNotHere },
      pings_received: this.pingsReceived,
      pongs_sent: this.pongsSent,
      keep_alives_sent: this.keepAlivesSent,
      unknown_frames: this.unknownFrames,
      challenges: { ...this.challenges },
      stun: {
        answered: this.stunAnswered,
        ignored: this.stunIgnored,
        over_limit: this.stunOverLimit,
        refused: this.stunRefused,
      },
    };
  }
}
