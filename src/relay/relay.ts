import type { RelayConfig } from './config.ts';

/** A running relay. */
export interface Relay {
  /** The ports really bound (useful when 0 was asked for); -1 for those that are off. */
  readonly ports: { derp: number; http: number; stun: number };
  /** The relay's public key, raw. */
  readonly publicKey: Buffer;
  /** Counters and gauges, as served at /debug/vars. */
  snapshot(): Record<string, unknown>;
  /** Reads the certificate again; keeps the old one and throws when the new pair is unusable. */
  reload(): Promise<void>;
  /** Tells clients that it is restarting, drains, closes everything. */
  stop(): Promise<void>;
}

/** A reason the relay could not start, written for the person who started it. */
export class RelayStartError extends Error {
  /** `bad-certificate`, `bad-key-file`, `listen` … */
  readonly code: 'bad-certificate' | 'bad-key-file' | 'listen';
  /** For `listen`: what could not be bound. */
  readonly port: number | undefined;
  /** For `listen`: the system's code, e.g. EADDRINUSE, EACCES. */
  readonly errno: string | undefined;
  constructor(
    code: RelayStartError['code'],
    message: string,
    options: ErrorOptions & { port?: number; errno?: string } = {},
  ) {
    super(message, options);
    this.name = 'RelayStartError';
    this.code = code;
    this.port = options.port;
    this.errno = options.errno;
  }
}

/** Starts a relay. @throws RelayStartError */
export async function startRelay(_config: RelayConfig): Promise<Relay> {
  throw new RelayStartError('listen', 'being written');
}
