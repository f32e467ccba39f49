import type { ClientInfo } from '../../protocol/login.ts';

/** A client that proved its key and asks to be let in. */
export interface Applicant {
  readonly key: Buffer;
  readonly info: ClientInfo;
  readonly address: string;
}

/** Whether a client may use the relay, and if not, why, for the log. */
export type Verdict = { admitted: true } | { admitted: false; reason: string };

/** Decides who may use the relay. A rejected promise counts as a refusal: admission fails closed. */
export type Admission = (applicant: Applicant) => Verdict | Promise<Verdict>;

/** Lets everybody in. */
export const admitEveryone: Admission = () => ({ admitted: true });
