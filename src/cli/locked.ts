/** One run at a time changes this machine. */
import { acquireLock, LockedError } from '../system/lock.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

const LOCK_FILE = '/run/derp-setup.lock';

/** Does `work` while no other run works on this machine; files below another root are nobody else's business. */
export async function whileLocked(root: string, session: Session, work: () => Promise<number>): Promise<number> {
  if (root !== '/') return work();
  try {
    const lock = await acquireLock(LOCK_FILE);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    const { output, messages } = session;
    const reason = messages.report.locked(error.pid);
    output.error(`derp-setup: ${reason}`);
    output.document({ ok: false, problems: [{ code: 'locked', rule: reason }] });
    return EXIT.failed;
  }
}
