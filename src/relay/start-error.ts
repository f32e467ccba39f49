/** What kept the relay from starting; stable, for callers that add advice of their own. */
export type RelayStartErrorCode =
  | 'bad-certificate'
  | 'bad-key-file'
  | 'bad-key-list'
  | 'bad-address-list'
  | 'bad-rate-file'
  | 'listen';

/** A reason the relay could not start, written for the person who started it. */
export class RelayStartError extends Error {
  readonly code: RelayStartErrorCode;
  /** For `listen`: what could not be bound. */
  readonly port: number | undefined;
  readonly protocol: 'tcp' | 'udp' | undefined;
  /** For `listen`: the system's code, e.g. EADDRINUSE, EACCES. */
  readonly errno: string | undefined;

  constructor(
    code: RelayStartErrorCode,
    message: string,
    options: ErrorOptions & { port?: number; protocol?: 'tcp' | 'udp'; errno?: string | undefined } = {},
  ) {
    super(message, options);
    this.name = 'RelayStartError';
    this.code = code;
    this.port = options.port;
    this.protocol = options.protocol;
    this.errno = options.errno;
  }
}
