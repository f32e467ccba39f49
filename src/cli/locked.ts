/** One run at a time changes this machine. */
import { acquireLock, LockedError, lockHolder } from '../system/lock.ts';
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
    return tellLocked(error.pid, session);
  }
}

function tellLocked(pid: number, { output, messages }: Session): number {
  const reason = messages.report.locked(pid);
  output.error(`derp-setup: ${reason}`);
  output.document({ ok: false, problems: [{ code: 'locked', rule: reason }] });
  return EXIT.failed;
}

/**
 * Looks at the machine, and whether another run changes it meanwhile: what is wrong with a machine that is half done
 * is nobody's fault. `tellOthers` tells of that run instead, and gives the exit code.
 */
export async function besideOthers<T>(
  look: () => Promise<T>,
  session: Session,
): Promise<{ found: T; tellOthers: (() => number) | undefined }> {
  const before = await lockHolder(LOCK_FILE);
  const found = await look();
  const pid = (before ?? (await lockHolder(LOCK_FILE)))?.pid;
  return { found, tellOthers: pid === undefined ? undefined : () => tellLocked(pid, session) };
}
