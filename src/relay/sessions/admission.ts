import type { ClientInfo } from '../../protocol/login.ts';

/** Somebody who uses the relay, or wants to: a proven key, and where it comes from. */
export interface Claimant {
  readonly key: Buffer;
  readonly address: string;
}

/** A client that proved its key and asks to be let in. */
export interface Applicant extends Claimant {
  readonly info: ClientInfo;
}

/**
 * Whether a client may use the relay, and if not, why, for the log. `unanswered`: nobody said no, but nobody could be
 * asked either; it keeps a client out, and is no reason to disconnect one that is in.
 */
export type Verdict = { admitted: true } | { admitted: false; reason: string; unanswered?: true };

/** Decides who may use the relay. A rejected promise counts as a refusal: admission fails closed. */
export type Admission = (applicant: Applicant) => Verdict | Promise<Verdict>;

/** Lets everybody in. */
export const admitEveryone: Admission = () => ({ admitted: true });
