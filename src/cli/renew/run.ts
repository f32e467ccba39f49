import type { Layout } from '../../deploy/layout.ts';
import type { Answers } from '../../setup/answers/questions.ts';
import type { PrepareInput } from '../../setup/answers/resolved.ts';
import type { Session } from '../session.ts';

/** One run of `renew`. */
export interface RenewRun {
  /** Whether or not it is due. */
  force: boolean;
  /** Serve the prepared self-signed certificate now. */
  wantsSwitch: boolean;
  answers: Answers;
  layout: Layout;
  /** With which a plan would be prepared. */
  input: PrepareInput;
  session: Session;
  signal: AbortSignal;
}
