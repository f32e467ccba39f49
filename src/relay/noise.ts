import { defaults } from './defaults.ts';
import type { Log } from './log.ts';

/** What scanners and broken clients do to every server on the internet: counted, not printed one by one. */
export const noiseKinds = [
  'address_refused',
  'stun_address_refused',
  'too_many_connections',
  'tls_handshake_failed',
  'handshake_timeout',
  'bad_http_request',
  'http_timeout',
  'bad_proxy_header',
  'bad_forwarded_header',
  'login_failed',
  'login_timeout',
  'bad_frame',
] as const;
export type NoiseKind = (typeof noiseKinds)[number];

/** Counts noise and sums it up in one log line a minute, when there was any. */
export class Noise {
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #since: Partial<Record<NoiseKind, number>> = {};
  readonly totals: Record<NoiseKind, number> = Object.fromEntries(noiseKinds.map((kind) => [kind, 0])) as Record<
    NoiseKind,
    number
  >;

  constructor(log: Log, interval: number = defaults.noiseInterval) {
    this.#log = log;
    this.#timer = setInterval(() => this.report(), interval).unref();
  }

  count(kind: NoiseKind): void {
    this.totals[kind]++;
    this.#since[kind] = (this.#since[kind] ?? 0) + 1;
  }

  /** Logs what was counted since the last time, if anything. */
  report(): void {
    const since = this.#since;
    if (Object.keys(since).length === 0) return;
    this.#since = {};
    this.#log.info('noise', since);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.report();
  }
}
