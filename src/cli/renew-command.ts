/** `derp-setup renew`: what the timer runs twice a day. Takes over a certificate that was renewed where it comes from. */
import { layoutBelow, RELAY_UNIT } from '../deploy/layout.ts';
import type { Step } from '../deploy/steps.ts';
import { readInstallation } from '../setup/installation.ts';
import { prepareSetup } from '../setup/prepare.ts';
import { previewSteps } from '../setup/preview.ts';
import type { Problem } from '../setup/problems.ts';
import { unitState } from '../system/services.ts';
import { EXIT } from './exit-codes.ts';
import { installRun } from './install-run.ts';
import type { Flags } from './invocation.ts';
import { whileLocked } from './locked.ts';
import { tellNotes } from './note-lines.ts';
import { tellProblems } from './problem-list.ts';
import type { Session } from './session.ts';
import { tellUnprepared } from './setup-command.ts';

/** The steps that have to do with the certificate. */
function isAboutCertificate(step: Step, isStopped: boolean): boolean {
  if (step.kind === 'service') return !isStopped;
  if (step.kind === 'file') return step.purpose === 'certificate' || step.purpose === 'certificate-key';
  return step.kind === 'owner';
}

/** Runs the command; resolves to its exit code. */
export async function renewCommand(
  _flags: Flags,
  _words: readonly string[],
  usage: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages } = session;
  const { manifest, problems } = await readInstallation(layoutBelow('/'));
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
    const { signal } = new AbortController();
    const prepared = await prepareSetup({
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
    });
    if (!prepared.ok) return tellUnprepared([], prepared, session);
    // Whoever has stopped the relay does not want it started at night.
    const isStopped = (await unitState(RELAY_UNIT)).active === 'inactive';
    const steps = prepared.plan.steps.filter((step) => isAboutCertificate(step, isStopped));
    const preview = await previewSteps(steps, prepared.runFacts, signal);
    const files = preview.filter(({ step }) => step.kind === 'file');
    if (files.length === 0) {
      // That the answers are still those of the last run goes without saying here.
      const notes = prepared.notes.filter(({ code }) => code !== 'answers-kept');
      tellNotes(notes, session);
      const at = prepared.certificate.notAfter.toISOString();
      output.answer(messages.report.certificateNotDue(at.slice(0, 10)));
      output.document({ ok: true, renewed: false, certificate: { ...prepared.certificate, notAfter: at } });
      return EXIT.done;
    }
    // Proved by way of the machine itself: what keeps others out is no reason to go on with the old certificate.
    const probe = { ...prepared.plan.probe, addresses: ['127.0.0.1'] };
    const plan = { ...prepared.plan, steps, probe };
    return installRun({ ...prepared, plan, preview, noStart: isStopped }, session, {
      mustProve: ['tls', 'certificate'],
    });
  });
}
