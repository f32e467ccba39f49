/** The rate that all clients of a relay are held to, which may change while they are connected. */
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { PROTOCOL_VERSION } from '../../protocol/frame-types.ts';
import { encodeServerInfoJson } from '../../protocol/login.ts';
import type { RelayConfig } from '../config.ts';
import { defaults } from '../defaults.ts';
import type { Log } from '../log.ts';
import { type ClientRate, effectiveRate } from './client-rate.ts';
import { loadClientRate } from './client-rate-file.ts';

/** A client that is held to the rate. */
export interface RatedClient {
  setRate(rate: ClientRate | null): void;
  /** Tells it the rate, to which it keeps by itself. */
  sendServerInfo(): void;
}

/** What is needed of a relay. */
export interface ClientRatesParts {
  readonly log: Log;
  readonly clients: ReadonlySet<RatedClient>;
}

/** The rate in use, from the configuration or from derper's file. */
export class ClientRates {
  readonly #config: RelayConfig;
  readonly #parts: ClientRatesParts;
  #rate: ClientRate | null;
  #serverInfo: Buffer;

  private constructor(config: RelayConfig, parts: ClientRatesParts, rate: ClientRate | null) {
    this.#config = config;
    this.#parts = parts;
    this.#rate = rate;
    this.#serverInfo = serverInfoJson(rate);
  }

  /** Reads the file, if there is one. @throws RelayStartError bad-rate-file */
  static async open(config: RelayConfig, parts: ClientRatesParts): Promise<ClientRates> {
    return new ClientRates(config, parts, await readRate(config));
  }

  /** What new clients are held to; null for no limit. */
  get rate(): ClientRate | null {
    return this.#rate;
  }

  /** The JSON of ServerInfo for new clients, which keep to the rate by themselves when they know it. */
  get serverInfo(): Buffer {
    return this.#serverInfo;
  }

  /**
   * Reads the file again; clients that are in are held to the new rate at once.
   * @throws RelayStartError when the file is unusable; the old rate stays in use
   */
  async reload(): Promise<void> {
    const { log, clients } = this.#parts;
    if (this.#config.clientRateFile === null) return;
    const before = this.#rate;
    try {
      this.#rate = await readRate(this.#config);
    } catch (error) {
      log.error('client_rate_not_reloaded', { problem: (error as Error).message });
      throw error;
    }
    this.#serverInfo = serverInfoJson(this.#rate);
    for (const client of clients) client.setRate(this.#rate);
    log.info('client_rate_reloaded', describeRate(this.#rate));
    if (!isDeepStrictEqual(before, this.#rate)) await this.#tellAll();
  }

  /** Those that are in heard of another rate, and would keep to it until they log in again. */
  async #tellAll(): Promise<void> {
    let told = 0;
    for (const client of [...this.#parts.clients]) {
      client.sendServerInfo();
      // Each takes some cryptography; packets are relayed in between.
      if (++told % defaults.serverInfosAtOnce === 0) await setImmediate();
    }
  }
}

async function readRate({ clientRate, clientRateFile }: RelayConfig): Promise<ClientRate | null> {
  const rate = clientRateFile === null ? clientRate : await loadClientRate(clientRateFile);
  return rate && effectiveRate(rate);
}

/** What ServerInfo says, encoded: the protocol's version, and the rate to which clients keep by themselves, if any. */
function serverInfoJson(rate: ClientRate | null): Buffer {
  return encodeServerInfoJson({
    version: PROTOCOL_VERSION,
    ...(rate && { tokenBucketBytesPerSecond: rate.bytesPerSecond, tokenBucketBytesBurst: rate.burstBytes }),
  });
}

/** A rate for the log and for /debug/vars; zeros for no limit, as derper says it. */
export function describeRate(rate: ClientRate | null): { bytes_per_second: number; burst_bytes: number } {
  return { bytes_per_second: rate?.bytesPerSecond ?? 0, burst_bytes: rate?.burstBytes ?? 0 };
}
