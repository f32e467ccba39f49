/** Whether the relay could ask, or read, those who say who may use it. */
import { formatVerification, type Verification } from '../deploy/verification.ts';
import { loadKeyList } from '../relay/admission/key-list.ts';
import { RelayStartError } from '../relay/start-error.ts';
import { FileError } from '../system/files.ts';
import { type PathPart, readPathParts } from '../system/node-runtime.ts';
import { findTailscaled } from '../system/tailscaled.ts';
import type { Problem, Rule } from './answers/problems.ts';
import { questions } from './answers/questions.ts';

/** Hidden from the service, or empty for it. */
const HIDDEN = ['/home', '/root', '/run/user', '/tmp', '/var/tmp'];
const SEARCH_BY_OTHERS = 0o001;
const READ_BY_OTHERS = 0o004;

/** Whether a service of another user can read a file, by the file and the directories above it, the file first. Pure. */
export function isReachable([file, ...directories]: readonly PathPart[]): boolean {
  if (file === undefined || HIDDEN.some((place) => file.path.startsWith(`${place}/`))) return false;
  return directories.every(({ mode }) => (mode & SEARCH_BY_OTHERS) !== 0) && (file.mode & READ_BY_OTHERS) !== 0;
}

/** What is wrong with a socket that was named: nobody answers there, or the relay's user cannot get there. */
async function checkSocket(socket: string, asService: boolean): Promise<Rule | undefined> {
  if ((await findTailscaled([socket])) === undefined) return { code: 'needs-tailscaled' };
  const hidden = asService && HIDDEN.some((place) => socket.startsWith(`${place}/`));
  return hidden ? { code: 'unreachable-by-relay' } : undefined;
}

/** What is wrong with the list of keys or the socket that were named. @param asService the relay will run as a user of its own */
export async function checkVerification(
  verify: Verification | undefined,
  { asService, onMachine = true }: { asService: boolean; onMachine?: boolean },
): Promise<Problem[]> {
  const { flag } = questions.verify;
  if (verify?.kind === 'tailscaled' && verify.socket !== undefined) {
    const rule = onMachine ? await checkSocket(verify.socket, asService) : undefined;
    return rule ? [{ subject: flag, flag, value: formatVerification(verify), rule }] : [];
  }
  if (verify?.kind !== 'keys') return [];
  const problem = (rule: Rule): Problem[] => [{ subject: flag, flag, value: `keys:${verify.file}`, rule }];
  try {
    await loadKeyList(verify.file);
  } catch (error) {
    if (!(error instanceof RelayStartError)) throw error;
    return problem({ code: 'bad-key-list', detail: error.message });
  }
  if (!asService) return [];
  const parts = await readPathParts(verify.file).catch((error: unknown) => {
    if (error instanceof FileError) return [];
    throw error;
  });
  return isReachable(parts) ? [] : problem({ code: 'unreachable-by-relay' });
}
