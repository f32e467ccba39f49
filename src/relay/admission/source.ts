import type { Claimant } from '../sessions/admission.ts';

/** What a source says of a key. `reason` is for the log, in English as the log is. */
export type Answer = { allow: true } | { allow: false; reason: string };

/** A question that got no answer: neither yes nor no. Its message is the reason, for the log. */
export class QuestionError extends Error {
  /** True when the source was not reached at all, as against answering with something unusable. */
  readonly unreachable: boolean;

  constructor(reason: string, options: ErrorOptions & { unreachable?: boolean } = {}) {
    super(reason, options);
    this.name = 'QuestionError';
    this.unreachable = options.unreachable ?? false;
  }
}

/** Somebody outside this process who knows who may use the relay. */
export interface AdmissionSource {
  /** Its name in logs and counters. */
  readonly name: 'tailscaled' | 'url';
  /** What an answer depends on: claimants with equal subjects get equal answers. */
  subjectOf(claimant: Claimant): string;
  /** Asks. @throws QuestionError when there is no answer */
  ask(claimant: Claimant): Promise<Answer>;
  /** Looks whether questions can be answered, without a claimant. @throws QuestionError when they cannot */
  check?(): Promise<void>;
  /** Closes idle connections. */
  close(): void;
}
