/** Targets that stay: shows the plan, carries it out, proves the relay, and reports. */
import { stagingOf } from '../cert/acme/directory.ts';
import { OrderError } from '../cert/acme/obstacle.ts';
import type { CertificateStep } from '../deploy/steps.ts';
import { certificateEnd } from '../setup/certificate/order.ts';
import type { Prepared } from '../setup/prepare.ts';
import { type Ran, RunError, type RunOptions, runPlan } from '../setup/run.ts';
import { nextRenewal } from '../setup/status/gather.ts';
import { EXIT } from './exit-codes.ts';
import { watchInterruption } from './interruption.ts';
import { createApplyProgress } from './lines/apply-lines.ts';
import { checkLines } from './lines/check-lines.ts';
import { columnsOf } from './lines/columns.ts';
import { previewDiffLines } from './lines/diff-lines.ts';
import { tellNotes } from './lines/note-lines.ts';
import { planLines } from './lines/plan-lines.ts';
import { installReportLines } from './lines/report-lines.ts';
import { orderFailure } from './order-failure.ts';
import { tellRunFailure } from './run-failure.ts';
import type { Session } from './session.ts';
import { dryRunDocument, reportDocument } from './setup-report.ts';

/** Orders of an authority's trial directory what the plan would order of the real one; false when that fails. */
async function tryOrder({ plan }: Prepared, { output, messages, environment }: Session): Promise<boolean> {
  const step = plan.steps.find(({ kind }) => kind === 'certificate') as CertificateStep | undefined;
  const staging = step && stagingOf(step.order.directoryUrl);
  if (step === undefined || staging === undefined || staging === step.order.directoryUrl) return true;
  const { certificates } = messages;
  const { rehearseOrder } = await import('../setup/certificate/issue.ts');
  const interruption = watchInterruption();
  output.progress(certificates.staging(staging));
  try {
    const issued = await rehearseOrder(step.order, staging, { environment, signal: interruption.signal });
    output.progress(issued === undefined ? `  ${certificates.stagingSkipped}` : `  ✔ ${certificates.stagingPassed}`);
    return true;
  } catch (error) {
    if (!(error instanceof OrderError)) throw error;
    const [reason, ...more] = orderFailure(error, messages);
    output.error(`  ✖ ${reason}`);
    for (const line of more) output.error(`    → ${line}`);
    return false;
  } finally {
    interruption.release();
  }
}

/** Shows what would be done, with all differences. What an authority would say is found out at its trial directory. */
export async function dryRun(prepared: Prepared, session: Session): Promise<number> {
  const { output, messages } = session;
  tellNotes(prepared.notes, session);
  if (prepared.preview.length === 0) output.answer(messages.report.alreadyAsDescribed);
  else {
    for (const line of planLines(prepared, messages, output.paint, { columns: columnsOf(process.stdout) }))
      output.answer(line);
    output.answer('');
    for (const line of previewDiffLines(prepared.preview, messages, output.paint)) output.answer(line);
    output.answer(messages.report.dryRun);
  }
  const issues = await tryOrder(prepared, session);
  output.document({ ...dryRunDocument(prepared, messages), ok: issues });
  return issues ? EXIT.done : EXIT.failed;
}

/** Carries the plan out; resolves to the exit code. */
export async function installRun(prepared: Prepared, session: Session, options: RunOptions = {}): Promise<number> {
  const { output, messages } = session;
  if (prepared.preview.length === 0) {
    tellNotes(prepared.notes, session);
    output.answer(messages.report.alreadyAsDescribed);
    const nothing = { prepared, ports: portsOf(prepared), checks: [], ok: true, written: [] };
    output.document(reportDocument(nothing, messages));
    return EXIT.done;
  }
  const interruption = watchInterruption({ cleansUp: true });
  const progress = createApplyProgress(output, messages, prepared.preview);
  interruption.signal.addEventListener('abort', () => output.error(`\n${messages.report.undoing}`));
  try {
    const ran = await runPlan(
      prepared,
      interruption,
      {
        ...progress,
        onProof: (host) => {
          progress.done();
          output.progress(messages.report.proving(host));
        },
        onCheckStart: (id) => output.busy(messages.checks[id]),
        onCheck: (check) => {
          output.idle();
          const print = check.ok ? output.progress : output.error;
          for (const line of checkLines(
            check,
            prepared.plan.probe,
            messages,
            output.paintError,
            columnsOf(process.stderr),
          ))
            print(line);
        },
      },
      options,
    );
    progress.done();
    return await tellSuccess(await withCertificateEnd(prepared), ran, session);
  } catch (error) {
    progress.failed();
    if (error instanceof RunError) return tellRunFailure(error, session);
    throw error;
  } finally {
    output.idle();
    interruption.release();
  }
}

/** An ordered certificate's end is known when it is there. */
export async function withCertificateEnd(prepared: Prepared): Promise<Prepared> {
  const { certificate } = prepared;
  const notAfter = certificate.notAfter ?? (await certificateEnd(certificate.file));
  return { ...prepared, certificate: { ...certificate, notAfter } };
}

function portsOf({ answers }: Prepared) {
  return { derp: answers.derpPort, http: answers.httpPort, stun: answers.stunPort };
}

async function tellSuccess(prepared: Prepared, { applied, checks, ok }: Ran, session: Session): Promise<number> {
  const { output, messages } = session;
  const written = applied.written.map(({ path }) => path);
  const renewal = prepared.noStart ? undefined : await nextRenewal();
  const result = { prepared, ports: portsOf(prepared), checks, ok, written, renewal };
  output.progress('');
  const style = { paint: output.paint, columns: columnsOf(process.stdout) };
  for (const line of installReportLines(result, messages, style)) output.answer(line);
  output.document(reportDocument(result, messages));
  return ok ? EXIT.done : EXIT.unverified;
}
