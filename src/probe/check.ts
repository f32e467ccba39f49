/**
 * What a probe of a relay asks for and what it answers: data only, so that a command line, a wizard and a JSON document
 * can show the same findings without knowing how they were found.
 */
import type { LoginWay } from '../client/derp-client.ts';

export type { LoginWay };

/** The checks, in the order in which they are made; later ones build on earlier ones. */
export const checkIds = [
  'resolve',
  'tcp',
  'tls',
  'certificate',
  'login',
  'relay',
  'websocket',
  'stun',
  'captive-portal',
] as const;

export type CheckId = (typeof checkIds)[number];

/**
 * - `ok`: as a client needs it.
 * - `warning`: clients can work with it, but something is lost or will break later.
 * - `failed`: not what a derpMap with these ports promises its clients.
 * - `skipped`: not looked at, because it is switched off or because an earlier check failed.
 */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'skipped';

/** What each check measured, for programs; every field is safe to print (no secrets). */
export interface CheckData {
  resolve: { addresses: string[] };
  tcp: { address: string; port: number; reached: string[]; unreached: { address: string; code: string }[] };
  tls: { protocol: string; cipher: string };
  certificate: {
    subject: string;
    issuer: string;
    notBefore: string;
    notAfter: string;
    daysLeft: number;
    /** The leaf's `sha256-raw:` pin, whether or not it was asked for. */
    pin: string;
    trust: 'pin' | 'ca';
    /** Whether the relay announced its key by a meta certificate (needed for fast start). */
    metaCertificate: boolean;
  };
  login: { way: LoginWay; serverKey: string };
  relay: {
    sent: number;
    lost: number;
    /** Share of packets lost, 0 to 1. */
    loss: number;
    bytes: number;
    minMs: number | undefined;
    medianMs: number | undefined;
    maxMs: number | undefined;
  };
  websocket: { serverKey: string };
  stun: { answers: { server: string; mapped: string; port: number; rttMs: number }[] };
  'captive-portal': { status: number; response: string | undefined };
}

/** One finding. */
export interface Check<Id extends CheckId = CheckId> {
  id: Id;
  /**
   * False for `failed`, and for `skipped` because of a failure; true for `ok`, `warning` and `skipped` because it is
   * switched off. So a relay passes the probe when every check is ok.
   */
  ok: boolean;
  status: CheckStatus;
  /** One sentence: what was found, or the cause of the failure. */
  detail: string;
  /** One sentence: how to mend it. Given with every failure and warning. */
  remedy?: string;
  /** A stable code of what is wrong, such as `connection-refused`. Given with every failure and warning. */
  reason?: string;
  /** How long the check took, in milliseconds; absent when skipped. */
  ms?: number;
  data?: CheckData[Id];
}

/** What to probe, and how patiently. */
export interface ProbeOptions {
  /** The relay's name or IP address as it stands in the derpMap's HostName; an IPv6 address without brackets. */
  host: string;
  /** Connect to these addresses instead of asking DNS for the host, as a derpMap's IPv4 and IPv6 fields do. */
  addresses?: readonly string[];
  /** TCP port of TLS and DERP, default 443. */
  derpPort?: number;
  /** UDP port of STUN, default 3478; -1: there is none. */
  stunPort?: number;
  /** TCP port of plain HTTP (captive-portal check), default 80; -1: there is none. */
  httpPort?: number;
  /** False: DERP over plain HTTP without TLS, as behind a proxy on the same machine. Default true. */
  tls?: boolean;
  /** The certificate's pin, `sha256-raw:<64 hex>`, as in the derpMap's CertName; without it the chain is checked. */
  pin?: string;
  /** Certificates of authorities to trust besides Node's own, PEM. */
  extraCa?: string;
  /** Private keys of the two test clients, 32 bytes raw each, for relays that admit known keys only; new ones by default. */
  clientKeys?: readonly [Uint8Array, Uint8Array];
  /** A mesh key (64 hex digits) to log in with: it is let in whatever the admission rules say. */
  meshKey?: string;
  /** Packets to exchange in each direction, default 100. */
  packets?: number;
  /** Bytes of each packet, default 200; 8 to 65,536. */
  packetBytes?: number;
  /** How long each step may take, in milliseconds, default 5,000. */
  timeoutMs?: number;
  /** Ends the probe early; the generator then throws the signal's reason. */
  signal?: AbortSignal;
  /** Told as each check begins, for a progress display. */
  onStart?: (id: CheckId) => void;
}

/** What one look at a relay found; a check without its id and time. */
export interface Finding<Id extends CheckId = CheckId> {
  status: CheckStatus;
  detail: string;
  remedy?: string;
  reason?: string;
  data?: CheckData[Id];
}
