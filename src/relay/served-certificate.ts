import type { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { pinOf } from '../protocol/certificate-pin.ts';
import { type MetaCertificate, makeMetaCertificate } from '../protocol/meta-certificate.ts';
import { FileWatch, type WatchTimes } from '../system/file-watch.ts';
import { type LoadedCertificate, loadCertificate, whyWorse } from './certificate.ts';
import type { CertificateFiles } from './config.ts';
import { defaults } from './defaults.ts';
import type { Log } from './log.ts';
import { RelayStartError } from './start-error.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What a served certificate needs of its relay. */
export interface CertificateParts {
  readonly files: CertificateFiles;
  /** Whom clients dial. */
  readonly hostname: string;
  readonly log: Log;
  /** When changes of the files are noticed; the defaults when absent. */
  readonly times?: Partial<WatchTimes> | undefined;
}

/** Takes credentials for new connections. */
export type UseCredentials = (credentials: SecureContextOptions) => void;

function describe(leaf: X509Certificate): { not_before: string; not_after: string; sha256: string } {
  return {
    not_before: new Date(leaf.validFrom).toISOString(),
    not_after: new Date(leaf.validTo).toISOString(),
    sha256: pinOf(leaf).replace(/^.*:/, ''),
  };
}

/**
 * The certificate that the relay serves: read again when its files change or somebody asks for that, with a meta
 * certificate that is made anew in time, and with warnings before it ends. New connections get what is new, those that
 * are open keep theirs; a pair that cannot be used, or is worse than the present one, changes nothing.
 *
 * Each change makes a new TLS context, and with it new keys for session tickets: no resumed session outlives the
 * certificate that it began with.
 */
export class ServedCertificate {
  readonly #files: CertificateFiles;
  readonly #hostname: string;
  readonly #log: Log;
  readonly #watch: FileWatch;
  readonly #relayKey: Buffer;
  #pair: LoadedCertificate;
  #meta: MetaCertificate;
  #use: UseCredentials = () => {};
  #check: NodeJS.Timeout | undefined = undefined;
  /** Why the files as they are now are not served. */
  #refused: string | null = null;
  /** One reading after the other: an older one must not replace a newer one. */
  #reading: Promise<void> = Promise.resolve();

  private constructor(
    parts: CertificateParts,
    watch: FileWatch,
    pair: LoadedCertificate,
    relayKey: Buffer,
    meta: MetaCertificate,
  ) {
    this.#files = parts.files;
    this.#hostname = parts.hostname;
    this.#log = parts.log;
    this.#watch = watch;
    this.#pair = pair;
    this.#relayKey = relayKey;
    this.#meta = meta;
  }

  /**
   * Reads the files. What is returned serves them, once the relay's public key is known: a relay that cannot start for
   * want of a certificate leaves no new key file behind.
   * @throws RelayStartError bad-certificate
   */
  static async open(parts: CertificateParts): Promise<(relayKey: Buffer) => Promise<ServedCertificate>> {
    const { certFile, keyFile } = parts.files;
    const times = {
      settle: defaults.fileSettleTime,
      settleAtMost: defaults.fileSettleAtMost,
      poll: defaults.filePollInterval,
      ...parts.times,
    };
    // Before the files are read, so that no change after that is missed.
    const watch = new FileWatch([certFile, keyFile], times);
    const pair = await loadCertificate(parts.files);
    return async (relayKey) =>
      new ServedCertificate(parts, watch, pair, relayKey, await makeMetaCertificate(relayKey, new Date()));
  }

  /** What TLS serves: the chain with the meta certificate behind it, which tells clients of fast start. */
  get credentials(): SecureContextOptions {
    return { cert: `${this.#pair.chainPem}\n${this.#meta.pem}`, key: this.#pair.keyPem };
  }

  /** What is served, for /debug/vars. */
  get facts(): Record<string, string | null> {
    return {
      ...describe(this.#pair.leaf),
      meta_not_after: this.#meta.notAfter.toISOString(),
      file: this.#files.certFile,
      refused: this.#refused,
    };
  }

  /** Watches the files and the clock from now on, and hands every change to `use`. */
  start(use: UseCredentials): void {
    this.#use = use;
    this.#watch.start(() => void this.#enqueue(false).catch(() => {}));
    this.#check = setInterval(() => void this.#checkDates(), defaults.certificateCheckInterval).unref();
    this.#warn();
  }

  stop(): void {
    clearInterval(this.#check);
    this.#watch.close();
  }

  /** Reads the files again. @throws RelayStartError bad-certificate; what was served before stays */
  reload(): Promise<void> {
    return this.#enqueue(true);
  }

  #enqueue(asked: boolean): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#read(asked));
    return this.#reading;
  }

  /** @param asked somebody waits for the answer, even if nothing is new */
  async #read(asked: boolean): Promise<void> {
    try {
      const pair = await loadCertificate(this.#files);
      const changed = pair.chainPem !== this.#pair.chainPem || pair.keyPem !== this.#pair.keyPem;
      const worse = changed ? whyWorse(pair.leaf, this.#pair.leaf, this.#hostname, new Date()) : undefined;
      if (worse !== undefined) throw new RelayStartError('bad-certificate', `${this.#files.certFile}: ${worse}`);
      this.#refused = null;
      this.#pair = pair;
      if (changed) this.#use(this.credentials);
      if (changed || asked) this.#log.info('certificate_reloaded', { changed, ...describe(pair.leaf) });
      if (changed) this.#warn();
    } catch (error) {
      const problem = (error as Error).message;
      this.#refused = problem;
      this.#log.error('certificate_not_reloaded', { problem, serving: describe(this.#pair.leaf).sha256 });
      throw error;
    }
  }

  /** What an hour can change without anybody touching a file. */
  async #checkDates(): Promise<void> {
    this.#warn();
    // A pair may have been too early, or a directory out of reach; while it is still wrong the log should not fall silent.
    if (this.#refused !== null) await this.#enqueue(false).catch(() => {});
    if (this.#meta.notAfter.getTime() - Date.now() <= defaults.metaCertificateRenewDays * DAY) await this.#renewMeta();
  }

  async #renewMeta(): Promise<void> {
    try {
      this.#meta = await makeMetaCertificate(this.#relayKey, new Date());
      this.#use(this.credentials);
      this.#log.info('meta_certificate_renewed', { not_after: this.#meta.notAfter.toISOString() });
    } catch (error) {
      this.#log.error('meta_certificate_not_renewed', { problem: (error as Error).message });
    }
  }

  #warn(): void {
    const { not_after, sha256 } = describe(this.#pair.leaf);
    const fields = { file: this.#files.certFile, not_after, sha256 };
    const hours = (Date.parse(not_after) - Date.now()) / HOUR;
    if (hours <= 0) this.#log.error('certificate_expired', fields);
    else if (hours < defaults.certificateWarningHours) {
      this.#log.warn('certificate_expires_soon', { ...fields, hours_left: Math.floor(hours) });
    }
  }
}
