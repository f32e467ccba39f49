/** Whether a process sees the files that we see. */
import { stat } from 'node:fs/promises';

/**
 * False for a process of a container, which has a root of its own; true for one of this system, also with a view of
 * /tmp of its own as services of systemd have it. Needs root for other users' processes.
 */
export async function runsOnThisSystem(pid: number): Promise<boolean> {
  try {
    const [theirs, ours] = await Promise.all([stat(`/proc/${pid}/root/`), stat('/')]);
    return theirs.dev === ours.dev && theirs.ino === ours.ino;
  } catch {
    // It has ended, or may not be looked at.
    return false;
  }
}
