import { performance } from 'node:perf_hooks';
import { encodeKeepAlive, encodeServerKey } from '../protocol/frame-encoder.ts';
import { formatUntypedKey } from '../protocol/keys.ts';
import type { WatchTimes } from '../system/file-watch.ts';
import { AddressGate } from './admission/address-gate.ts';
import { Gate } from './admission/gate.ts';
import type { RecheckTimes } from './admission/recheck.ts';
import { hostOf, type RelayConfig } from './config.ts';
import { Counters } from './counters.ts';
import { defaults } from './defaults.ts';
import { drain } from './drain.ts';
import { BootstrapDns } from './front/bootstrap-dns.ts';
import { openChallenges } from './front/challenges.ts';
import { Front } from './front/front.ts';
import { createPort80Server } from './front/port-80.ts';
import { loadOrCreateIdentity } from './identity.ts';
import { ClientRates, describeRate } from './limits/client-rates.ts';
import { withSpareFiles } from './limits/connection-limits.ts';
import { listen, listenForStun } from './listen.ts';
import { createLog } from './log.ts';
import { Noise } from './noise.ts';
import { BufferPool } from './queues/buffer-pool.ts';
import { Turn } from './queues/turn.ts';
import { ServedCertificate } from './served-certificate.ts';
import type { Admission } from './sessions/admission.ts';
import { KeepAliveWheels } from './sessions/keep-alive-wheel.ts';
import type { Session } from './sessions/session.ts';
import type { SessionContext } from './sessions/session-context.ts';
import { aloneInRegion, type Region, Switchboard } from './sessions/switchboard.ts';
import { StallWatch } from './stall-watch.ts';
import type { StunServer } from './stun-server.ts';
import { canShareReads } from './transport/shared-read.ts';
import type { ReadMode } from './transport/socket-transport.ts';

/** Parts of a relay that its starter may bring along. */
export interface RelayParts {
  /** Who may use it, instead of what the configuration says. */
  admit?: Admission;
  /** When clients that are in are asked about again; the defaults when absent. */
  recheck?: Partial<RecheckTimes>;
  /** When changes of files are noticed; the defaults when absent. */
  watch?: Partial<WatchTimes>;
  /** Whether an address is this machine's, which no address list keeps out; looked up when absent. */
  isOwnAddress?: (address: string) => boolean;
  /** The other nodes of the region; none when absent. */
  region?: Region;
  /** How sockets are read; shared where this Node can. */
  readMode?: ReadMode;
  /** What sends keep-alives; once a minute when absent. */
  keepAlives?: KeepAliveWheels;
  /** Where log lines go; stderr when absent. */
  writeLog?: (line: string) => void;
}

/** A running relay. */
export interface Relay {
  /** The ports really bound (useful when 0 was asked for); -1 for those that are off. */
  readonly ports: { readonly derp: number; readonly http: number; readonly stun: number };
  /** The relay's public key, raw. */
  readonly publicKey: Buffer;
  /** Counters and gauges, as served at /debug/vars. */
  snapshot(): Record<string, unknown>;
  /**
   * Reads the certificate, the address lists (both also by itself when their files change), the key file and the
   * clients' rate again, and asks again about the clients that are in.
   * @throws RelayStartError when a file is unusable; what it held before stays in use, and the rest is done all the same
   */
  reload(): Promise<void>;
  /** Tells clients that it is restarting, sends what is queued, closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts a relay: reads its key and certificate, then listens on all its ports or on none.
 * @throws RelayStartError
 */
export async function startRelay(config: RelayConfig, parts: RelayParts = {}): Promise<Relay> {
  const log = createLog(config.logLevel, parts.writeLog ?? ((line) => process.stderr.write(line)));
  const serveCertificate =
    config.certificate === null
      ? undefined
      : await ServedCertificate.open({
          files: config.certificate,
          hostname: config.hostname,
          log,
          times: parts.watch,
        });
  const counters = new Counters();
  const sessions = new Set<Session>();
  const gate = await Gate.open(config.admission, { log, counters, sessions, times: parts.recheck });
  const clientRates = await ClientRates.open(config, { log, clients: sessions });
  const addresses = await AddressGate.open(config, {
    log,
    counters,
    sessions,
    times: parts.watch,
    isOwn: parts.isOwnAddress,
  });
  const keyPair = await loadOrCreateIdentity(config.keyFile);
  const certificate = await serveCertificate?.(keyPair.publicKey);

  const readMode: ReadMode = parts.readMode ?? (canShareReads ? 'shared' : 'events');
  const pool = new BufferPool();
  const turn = new Turn();
  const noise = new Noise(log);
  const keepAlives = parts.keepAlives ?? new KeepAliveWheels();
  const bootstrapDns = new BootstrapDns(config.bootstrapDnsNames, log);
  const startedAt = Date.now();
  const context: SessionContext = {
    keyPair,
    serverKeyFrame: encodeServerKey(keyPair.publicKey),
    keepAliveFrame: encodeKeepAlive(),
    pool,
    carryPool: pool,
    turn,
    counters,
    switchboard: new Switchboard(counters, parts.region ?? aloneInRegion),
    sessions,
    keepAlives,
    admit: parts.admit ?? gate.admit,
    clientRates,
    log,
    noise,
    writeTimeoutMs: config.writeTimeoutMs,
  };
  const stallWatch = new StallWatch(counters);
  const snapshot = () => ({
    version: __VERSION__,
    uptime_seconds: Math.floor((Date.now() - startedAt) / 1000),
    public_key: formatUntypedKey(keyPair.publicKey),
    read_mode: readMode,
    certificate: certificate?.facts ?? null,
    admission: gate.kinds,
    address_lists: addresses.sizes,
    client_rate: describeRate(clientRates.rate),
    ...counters.snapshot(),
    event_loop: {
      stalls: counters.stalls,
      longest_stall_ms: counters.longestStall,
      last_hour: stallWatch.lastHour,
    },
    noise: { ...noise.totals },
    queued_bytes: pool.outstanding,
    memory: process.memoryUsage(),
  });
  const challenges = openChallenges(config.challengeDirectory, { counters, noise, log });
  const front = new Front({
    config: { ...config, connectionLimits: await withSpareFiles(config.connectionLimits) },
    context,
    credentials: certificate?.credentials ?? null,
    challenges,
    admits: (address) => addresses.admits(address),
    readMode,
    pages: { derp: config.derp, home: config.home, bootstrapDns: () => bootstrapDns.addresses, snapshot },
  });

  const answers = (address: string): boolean => {
    if (addresses.admits(address)) return true;
    counters.stunRefused++;
    noise.count('stun_address_refused');
    return false;
  };
  const opened: (() => Promise<void> | void)[] = [];
  let derpPort: number;
  let httpPort = -1;
  let stun: StunServer | undefined;
  try {
    derpPort = await listen(front.server, config.listen.host, config.listen.port);
    opened.push(() => front.stopListening());
    if (config.httpPort >= 0) {
      const port80 = createPort80Server(noise, config.hostname, () => derpPort, challenges?.http);
      httpPort = await listen(port80, hostOf(config, config.httpHost), config.httpPort);
      opened.push(() => {
        port80.close();
        port80.closeAllConnections();
      });
    }
    if (config.stunPort >= 0) {
      stun = await listenForStun(hostOf(config, config.stunHost), config.stunPort, counters, answers);
      opened.push(() => stun!.stop());
    }
  } catch (error) {
    for (const close of opened) await close();
    noise.stop();
    keepAlives.stop();
    gate.stop();
    stallWatch.stop();
    throw error;
  }
  bootstrapDns.start();
  gate.start();
  addresses.start();

  const writeChecks = setInterval(() => {
    const now = performance.now();
    for (const session of sessions) session.checkWrite(now);
  }, defaults.writeCheckInterval).unref();
  log.info('listening', {
    host: config.listen.host ?? '*',
    derp: derpPort,
    http: httpPort,
    stun: stun?.port ?? -1,
    tls: certificate !== undefined,
    admission: gate.kinds.join(',') || 'none',
    read_mode: readMode,
    public_key: formatUntypedKey(keyPair.publicKey),
  });

  certificate?.start((credentials) => front.setCredentials(credentials));

  const reload = async () => {
    const results = await Promise.allSettled([
      certificate?.reload(),
      gate.reload(),
      addresses.reload(),
      clientRates.reload(),
    ]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };

  // One reload after the other: an older reading of a file must not replace a newer one.
  let reloading: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    log.info('stopping', { clients: counters.clients });
    clearInterval(writeChecks);
    stallWatch.stop();
    certificate?.stop();
    addresses.stop();
    bootstrapDns.stop();
    keepAlives.stop();
    for (const close of opened) await close();
    await drain(sessions, config.drainMs);
    front.destroyConnections();
    gate.stop();
    turn.stop();
    noise.stop();
    log.info('stopped');
  };
  return {
    ports: { derp: derpPort, http: httpPort, stun: stun?.port ?? -1 },
    publicKey: keyPair.publicKey,
    snapshot,
    reload: () => {
      reloading = reloading.catch(() => {}).then(reload);
      return reloading;
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
