/**
 * A mark for as long as a run works on the machine. Where one is found, the last run was killed, or could not put
 * everything back: files may be newer than what the service has read of them, which nothing else tells.
 */
import { kindOf, removeFile, writeFileAtomic } from '../system/files.ts';

/** Forgotten with a reboot, which has every service read its files anew. */
const MARK = '/run/derp-setup.unfinished';

/** Whether the last run on this machine did not come to its end. */
export async function isUnfinished(): Promise<boolean> {
  return (await kindOf(MARK)) !== 'missing';
}

/** Sets the mark. It is a precaution, which does not keep the run from doing its work. */
export async function markUnfinished(): Promise<void> {
  await writeFileAtomic(MARK, '').catch(() => {});
}

/** Takes it away. */
export async function markFinished(): Promise<void> {
  await removeFile(MARK).catch(() => {});
}
