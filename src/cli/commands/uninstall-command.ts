/** `derp-setup uninstall [--purge]`: lists what is installed, removes exactly that. */

import type { Problem } from '../../setup/answers/problems.ts';
import { ApplyError, applySteps } from '../../setup/apply.ts';
import { type PreparedRemoval, prepareRemoval } from '../../setup/removal.ts';
import { RunError } from '../../setup/run.ts';
import { subjectOf } from '../../setup/steps/handlers.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { watchInterruption } from '../interruption.ts';
import { createApplyProgress } from '../lines/apply-lines.ts';
import { columnsOf } from '../lines/columns.ts';
import { previewLines } from '../lines/plan-lines.ts';
import { whileLocked } from '../locked.ts';
import { tellProblems } from '../problem-list.ts';
import { tellRunFailure } from '../run-failure.ts';
import type { Session } from '../session.ts';
import { canPrompt } from '../wizard/prompter.ts';
import { confirm } from '../wizard/prompting.ts';
import { pathOption } from './setup-command.ts';

/** The files that stay, because clients know the relay by them. */
function keptFiles({ steps }: PreparedRemoval): string[] {
  return steps.flatMap((step) => (step.kind === 'owner' ? [step.path] : []));
}

function removalDocument(removal: PreparedRemoval, dryRun: boolean): object {
  const { stoppedDerper } = removal.manifest ?? {};
  return {
    ok: true,
    ...(dryRun && { dryRun }),
    plan: removal.preview.map(({ step }) => ({ kind: step.kind, subject: subjectOf(step) })),
    kept: keptFiles(removal),
    ...(stoppedDerper && { stoppedDerper }),
    ...(removal.nftTable !== undefined && { nftTable: removal.nftTable }),
  };
}

/** Runs the command; resolves to its exit code. */
export async function uninstallCommand(
  flags: Flags,
  _words: readonly string[],
  usage: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages, environment } = session;
  const { report } = messages;
  const problems = [...usage];
  const root = pathOption('root', flags, environment, problems) ?? '/';
  const removal = await prepareRemoval(root, { purge: flags.purge === true }, new AbortController().signal);
  problems.push(...removal.problems);
  if (root === '/' && process.getuid?.() !== 0 && removal.manifest !== undefined)
    problems.push({ subject: 'uninstall', rule: { code: 'needs-root' } });
  if (problems.length > 0) {
    tellProblems(problems, output, messages);
    return EXIT.badInput;
  }
  if (removal.manifest === undefined || removal.preview.length === 0) {
    output.answer(report.nothingInstalled);
    output.document({ ok: true, plan: [], kept: [] });
    return EXIT.done;
  }
  const list = flags.dryRun === true ? output.answer : output.progress;
  const columns = columnsOf(flags.dryRun === true ? process.stdout : process.stderr);
  for (const line of previewLines(removal.preview, messages, output.paint, { columns })) list(line);
  list('');
  if (flags.dryRun === true) {
    output.answer(report.dryRun);
    output.document(removalDocument(removal, true));
    return EXIT.done;
  }
  if (flags.yes !== true) {
    if (!canPrompt(session)) {
      tellProblems([{ subject: '--yes', flag: '--yes', rule: { code: 'needs-yes' } }], output, messages);
      return EXIT.badInput;
    }
    if (!(await confirm(report.sureToRemove, false, session))) {
      output.answer(report.nothingChanged);
      return EXIT.done;
    }
  }
  return whileLocked(root, session, () => remove(removal, session));
}

async function remove(removal: PreparedRemoval, session: Session): Promise<number> {
  const { output, messages } = session;
  const interruption = watchInterruption({ cleansUp: true });
  const { steps, runFacts, preview } = removal;
  const progress = createApplyProgress(output, messages, preview);
  try {
    const applied = await applySteps(steps, runFacts, interruption.signal, { ...progress, hurry: interruption.hurry });
    await applied.keep();
    progress.done();
    output.answer(messages.report.removed);
    const kept = keptFiles(removal);
    if (kept.length > 0) output.answer(messages.report.kept(kept));
    const { stoppedDerper } = removal.manifest ?? {};
    if (stoppedDerper !== undefined) {
      output.answer(messages.report.derperStaysStopped(stoppedDerper.name));
      if (stoppedDerper.bringBack !== undefined)
        output.answer(messages.report.derperBringBack(stoppedDerper.bringBack));
    }
    if (removal.nftTable !== undefined) output.answer(messages.report.nftTableStays(removal.nftTable));
    output.document(removalDocument(removal, false));
    return EXIT.done;
  } catch (error) {
    progress.failed();
    if (error instanceof ApplyError) return tellRunFailure(new RunError(error, interruption.signal.aborted), session);
    throw error;
  } finally {
    output.idle();
    interruption.release();
  }
}
