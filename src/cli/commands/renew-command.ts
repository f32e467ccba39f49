/** `derp-setup renew`: what the timer runs twice a day, for each kind of certificate what it needs. */
import { layoutBelow } from '../../deploy/layout.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import { type PrepareInput, resolveSetup } from '../../setup/answers/resolved.ts';
import { readInstallation } from '../../setup/installation.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { watchInterruption } from '../interruption.ts';
import { whileLocked } from '../locked.ts';
import { tellProblems } from '../problem-list.ts';
import type { RenewRun } from '../renew/run.ts';
import type { Session } from '../session.ts';

/** What the renewal of one kind of certificate is. */
async function renewalFor(mode: string): Promise<(run: RenewRun) => Promise<number>> {
  if (mode === 'letsencrypt') return (await import('../renew/ordered.ts')).renewOrderedCertificate;
  if (mode === 'self-signed') return (await import('../renew/self-signed.ts')).renewSelfSigned;
  return (await import('../renew/imported.ts')).renewImported;
}

/** Runs the command; resolves to its exit code. */
export async function renewCommand(
  flags: Flags,
  _words: readonly string[],
  usage: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages } = session;
  const layout = layoutBelow('/');
  const { manifest, problems } = await readInstallation(layout);
  const all = [...usage, ...problems];
  if (manifest !== undefined && process.getuid?.() !== 0) all.push({ subject: 'renew', rule: { code: 'needs-root' } });
  if (all.length > 0) {
    tellProblems(all, output, messages);
    return EXIT.badInput;
  }
  if (manifest === undefined) {
    output.error(`derp-setup: ${messages.report.nothingInstalled}`);
    output.document({ ok: false, problems: [{ code: 'not-installed', rule: messages.report.nothingInstalled }] });
    return EXIT.failed;
  }
  return whileLocked('/', session, async () => {
    const interruption = watchInterruption();
    const { signal } = interruption;
    const input: PrepareInput = {
      flags: {},
      environment: {},
      root: '/',
      userRoot: '/',
      // Files that were changed by hand are left alone: they are none of this command's business.
      switches: { openFirewall: false, takeOver: false, overwrite: true, noStart: false },
      logLevel: 'info',
      now: new Date(),
      signal,
      certificateOnly: true,
    };
    try {
      const resolved = await resolveSetup(input);
      if (resolved.problems.length > 0) {
        tellProblems(resolved.problems, output, messages);
        return EXIT.badInput;
      }
      const { answers } = resolved;
      const wishes = { force: flags.force === true, wantsSwitch: flags.switch === true };
      if (wishes.wantsSwitch && answers.cert !== 'self-signed') {
        const rule = { code: 'only-with', choice: '--cert self-signed' } as const;
        tellProblems([{ subject: '--switch', flag: '--switch', rule }], output, messages);
        return EXIT.badInput;
      }
      const renew = await renewalFor(answers.cert);
      return await renew({ ...wishes, answers, layout, input, session, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      output.error(messages.report.interrupted);
      output.document({ ok: false, problems: [{ code: 'interrupted', rule: messages.report.interrupted }] });
      return EXIT.interrupted;
    } finally {
      output.idle();
      interruption.release();
    }
  });
}
