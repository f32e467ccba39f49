import { parsePublicKey } from '../../protocol/keys.ts';
import type { AdmissionRules } from '../config.ts';
import type { Counters } from '../counters.ts';
import { defaults } from '../defaults.ts';
import type { Log } from '../log.ts';
import { type Admission, admitEveryone, type Claimant, type Verdict } from '../sessions/admission.ts';
import { AdmissionUrl } from './admission-url.ts';
import { Inquiry } from './inquiry.ts';
import { KeyList, loadKeyList } from './key-list.ts';
import { type CheckedSession, Recheck, type RecheckTimes } from './recheck.ts';
import type { AdmissionSource } from './source.ts';
import { Tailscaled } from './tailscaled.ts';

/** A way of deciding who may use the relay. */
export type AdmissionKind = 'key_file' | 'tailscaled' | 'url';

/** What a gate needs of its relay. */
export interface GateParts {
  readonly log: Log;
  readonly counters: Counters;
  /** Those that are connected. */
  readonly sessions: ReadonlySet<CheckedSession>;
  /** When those who are in are asked about again; the defaults when absent. */
  readonly times?: Partial<RecheckTimes> | undefined;
}

const ADMITTED: Verdict = { admitted: true };
const NOT_LISTED: Verdict = { admitted: false, reason: 'not in the key file' };

/**
 * Who may use the relay, by `RelayConfig.admission`: whoever is in the key file, and whoever all the sources that there
 * are (tailscaled, URL) agree on. Fails closed: no answer is a no to those who want in.
 */
export class Gate {
  /** The ways in use; none when everybody is let in. */
  readonly kinds: readonly AdmissionKind[];
  /** Decides about one applicant: at once where no question is needed. */
  readonly admit: Admission;
  readonly #keyFile: string | undefined;
  /** The admission URL's host, when whoever is on the way to it could answer in its place. */
  readonly #plainHost: string | undefined;
  readonly #inquiries: readonly Inquiry[];
  readonly #recheck: Recheck;
  readonly #log: Log;
  readonly #proverKeys: KeyList;
  #list: KeyList | undefined;

  private constructor(rules: AdmissionRules | null, list: KeyList | undefined, parts: GateParts) {
    const { log, counters, sessions, times } = parts;
    this.#log = log;
    this.#keyFile = rules?.keyFile;
    this.#plainHost = plainHost(rules?.url?.url);
    this.#list = list;
    this.#proverKeys = new KeyList((rules?.proverKeys ?? []).map(parsePublicKey));
    const lifetimes = {
      yes: defaults.admissionYesLifetime,
      no: defaults.admissionNoLifetime,
      entries: defaults.admissionAnswers,
    };
    const inquire = (source: AdmissionSource, failOpen: boolean) =>
      new Inquiry(source, { failOpen, lifetimes, log, counters });
    // tailscaled first: a stranger to it is not told to the URL.
    this.#inquiries = [
      ...(rules?.tailscaled ? [inquire(new Tailscaled(rules.tailscaled.socket), false)] : []),
      ...(rules?.url ? [inquire(new AdmissionUrl(new URL(rules.url.url)), rules.url.failOpen)] : []),
    ];
    this.kinds = [
      ...(list === undefined ? [] : (['key_file'] as const)),
      ...this.#inquiries.map(({ source }) => source.name),
    ];
    this.admit =
      rules === null ? admitEveryone : (applicant) => this.#judgeAlone(applicant) ?? this.#ask(applicant, false);
    this.#recheck = new Recheck({
      sessions,
      judgeAlone: (claimant) => this.#judgeAlone(claimant),
      ask: (claimant) => this.#ask(claimant, true),
      times: {
        interval: defaults.admissionRecheckInterval,
        pause: defaults.admissionRecheckPause,
        spread: defaults.admissionRecheckSpread,
        ...times,
      },
      log,
      counters,
    });
  }

  /** Reads the key file, if there is one; asks nobody yet. @throws RelayStartError bad-key-list */
  static async open(rules: AdmissionRules | null, parts: GateParts): Promise<Gate> {
    const list = rules?.keyFile === undefined ? undefined : await loadKeyList(rules.keyFile);
    return new Gate(rules, list, parts);
  }

  /** Says in the log whether the sources answer, and checks those who are in at intervals from now on. */
  start(): void {
    if (this.#list !== undefined) this.#log.info('key_file_loaded', { file: this.#keyFile, keys: this.#list.size });
    if (this.#plainHost !== undefined) this.#log.warn('admission_url_without_tls', { host: this.#plainHost });
    for (const inquiry of this.#inquiries) void inquiry.check();
    // A key list changes only when it is read again.
    if (this.#inquiries.length > 0) this.#recheck.start();
  }

  /**
   * Reads the key file again, forgets all answers, and checks those who are in.
   * @throws RelayStartError when the file is unusable; the old list stays in use, everything else is done all the same
   */
  async reload(): Promise<void> {
    if (this.kinds.length === 0) return;
    try {
      if (this.#keyFile !== undefined) {
        this.#list = await loadKeyList(this.#keyFile);
        this.#log.info('key_file_reloaded', { file: this.#keyFile, keys: this.#list.size });
      }
    } catch (error) {
      this.#log.error('key_file_not_reloaded', { problem: (error as Error).message });
      throw error;
    } finally {
      for (const inquiry of this.#inquiries) inquiry.forget();
      this.#recheck.begin();
    }
  }

  stop(): void {
    this.#recheck.stop();
    for (const inquiry of this.#inquiries) inquiry.stop();
  }

  /** The verdict that needs no question, if there is one. */
  #judgeAlone({ key }: Claimant): Verdict | undefined {
    if (this.#list?.has(key) || this.#proverKeys.has(key)) return ADMITTED;
    return this.#inquiries.length === 0 ? NOT_LISTED : undefined;
  }

  /** Asks the sources one after the other: all must agree. */
  async #ask(claimant: Claimant, fresh: boolean): Promise<Verdict> {
    for (const inquiry of this.#inquiries) {
      const verdict = await inquiry.ask(claimant, fresh);
      if (!verdict.admitted) return verdict;
    }
    return ADMITTED;
  }
}

/** The host of a URL that goes over the network without TLS. */
function plainHost(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { protocol, hostname } = new URL(text);
  const here = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  return protocol === 'http:' && !here ? hostname : undefined;
}
