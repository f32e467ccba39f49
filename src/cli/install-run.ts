/** Targets that stay: shows the plan, carries it out, proves the relay, and reports. */

import type { Prepared } from '../setup/prepare.ts';
import { type Ran, RunError, type RunOptions, runPlan } from '../setup/run.ts';
import { nextRenewal } from '../setup/status/gather.ts';
import { createApplyProgress } from './apply-lines.ts';
import { checkLines } from './check-lines.ts';
import { columnsOf } from './columns.ts';
import { previewDiffLines } from './diff-lines.ts';
import { EXIT } from './exit-codes.ts';
import { watchInterruption } from './interruption.ts';
import { tellNotes } from './note-lines.ts';
import { planLines } from './plan-lines.ts';
import { installReportLines } from './report-lines.ts';
import { tellRunFailure } from './run-failure.ts';
import type { Session } from './session.ts';
import { dryRunDocument, reportDocument } from './setup-report.ts';

/** Shows what would be done, with all differences. */
export function dryRun(prepared: Prepared, session: Session): number {
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
  output.document(dryRunDocument(prepared, messages));
  return EXIT.done;
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
    return await tellSuccess(prepared, ran, session);
  } catch (error) {
    progress.failed();
    if (error instanceof RunError) return tellRunFailure(error, session);
    throw error;
  } finally {
    output.idle();
    interruption.release();
  }
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
