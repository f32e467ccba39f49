/** Files of somebody else's: taken over again when they were renewed where they come from. */
import type { Step } from '../../deploy/steps.ts';
import { prepareSetup } from '../../setup/prepare.ts';
import { previewSteps } from '../../setup/preview.ts';
import { runnerOf } from '../../setup/relay-runner.ts';
import { tellUnprepared } from '../commands/setup-command.ts';
import { EXIT } from '../exit-codes.ts';
import { installRun } from '../install-run.ts';
import { tellNotes } from '../lines/note-lines.ts';
import type { RenewRun } from './run.ts';

/** The steps that have to do with the certificate. */
function isAboutCertificate(step: Step, isStopped: boolean): boolean {
  if (step.kind === 'service' || step.kind === 'compose') return !isStopped;
  if (step.kind === 'file') return step.purpose === 'certificate' || step.purpose === 'certificate-key';
  // Where nginx ends TLS it has to read the certificate too.
  return step.kind === 'owner' || step.kind === 'nginx';
}

/** Resolves to the exit code. */
export async function renewImported({ input, session, signal }: RenewRun): Promise<number> {
  const { output, messages } = session;
  const prepared = await prepareSetup(input);
  if (!prepared.ok) return tellUnprepared([], prepared, session);
  // Whoever has stopped the relay does not want it started at night.
  const isStopped = (await runnerOf(prepared.answers.deploy).state()) === 'stopped';
  const steps = prepared.plan.steps.filter((step) => isAboutCertificate(step, isStopped));
  const preview = await previewSteps(steps, prepared.runFacts, signal);
  if (preview.every(({ step }) => step.kind !== 'file')) {
    // That the answers are still those of the last run goes without saying here.
    const notes = prepared.notes.filter(({ code }) => code !== 'answers-kept');
    tellNotes(notes, session);
    const at = prepared.certificate.notAfter?.toISOString() ?? '';
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
}
