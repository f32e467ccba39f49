/** The steps of connecting to a relay, in order. */
export type ConnectStep = 'resolve' | 'tcp' | 'tls' | 'certificate' | 'http' | 'login';

/**
 * What went wrong between us and a relay; stable codes.
 * - `resolve`: the host has no address.
 * - `tcp`: no address accepted the connection; the cause has the system's code.
 * - `tls`: the TLS handshake failed; the cause has OpenSSL's code.
 * - `certificate`: the chain, the name or the dates are not right.
 * - `pin`: a certificate other than the pinned one, or several, or outside its dates.
 * - `http`: something answered the upgrade request with anything but an upgrade; see `http`.
 * - `refused`: the relay closed the connection in answer to the login: it does not admit this key.
 * - `protocol`: bytes that are not DERP, or a relay key other than announced.
 * - `timeout`: no end of `step` in time; once connected: silence for longer than the relay's keep-alives allow.
 * - `closed`: the connection ended, by the other side or by `close()`.
 * - `aborted`: the caller's signal.
 */
export type DerpClientErrorCode =
  | 'resolve'
  | 'tcp'
  | 'tls'
  | 'certificate'
  | 'pin'
  | 'http'
  | 'refused'
  | 'protocol'
  | 'timeout'
  | 'closed'
  | 'aborted';

/** What answered an upgrade request instead of a relay. */
export interface HttpRefusal {
  status: number;
  /** The `Server` header, if any: what stands in front of the relay, or in its place. */
  server?: string;
  /** The `Location` of a redirect. */
  location?: string;
}

/** The one error that src/client throws for what happens on the network. */
export class DerpClientError extends Error {
  readonly code: DerpClientErrorCode;
  /** Where it happened while connecting; undefined once connected. */
  readonly step: ConnectStep | undefined;
  readonly http: HttpRefusal | undefined;

  constructor(
    code: DerpClientErrorCode,
    message: string,
    options: ErrorOptions & { step?: ConnectStep | undefined; http?: HttpRefusal } = {},
  ) {
    super(message, options);
    this.name = 'DerpClientError';
    this.code = code;
    this.step = options.step;
    this.http = options.http;
  }
}

/** The system's, Node's or OpenSSL's code of any error (`ECONNREFUSED`, `ERR_SSL_…`), the first one of an aggregate. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return systemCode(error.errors[0]);
  return undefined;
}
