/** The foreground target: the relay serves inside this process until it is interrupted. */
import { OrderError } from '../cert/acme/obstacle.ts';
import { keepYoungGenerationSmall } from '../relay/heap.ts';
import { RelayStartError } from '../relay/start-error.ts';
import { ForegroundError, runForeground } from '../setup/foreground.ts';
import type { Prepared } from '../setup/prepare.ts';
import { portOwner } from '../system/port-owner.ts';
import { EXIT } from './exit-codes.ts';
import { withCertificateEnd } from './install-run.ts';
import { type Interruption, watchInterruption } from './interruption.ts';
import { checkLines } from './lines/check-lines.ts';
import { columnsOf } from './lines/columns.ts';
import { tellNotes } from './lines/note-lines.ts';
import { foregroundReportLines } from './lines/report-lines.ts';
import { orderFailure } from './order-failure.ts';
import type { Session } from './session.ts';
import { portList, reportDocument, type SetupResult } from './setup-report.ts';

/** Starts, proves, reports, serves; resolves to the exit code. `once`: ends after the proof. */
export async function foregroundRun(prepared: Prepared, once: boolean, session: Session): Promise<number> {
  const interruption = watchInterruption();
  try {
    return await serve(prepared, once, interruption, session);
  } catch (error) {
    if (error instanceof ForegroundError) return await tellFailure(error, session);
    throw error;
  } finally {
    session.output.idle();
    interruption.release();
  }
}

/** Runs the plan, reports, and serves until the interruption. */
async function serve(prepared: Prepared, once: boolean, interruption: Interruption, session: Session): Promise<number> {
  const { output, messages } = session;
  const { report } = messages;
  const paint = output.paintError;
  tellNotes(prepared.notes, session);
  const written: string[] = [];
  const done = (text: string) => output.progress(`  ${paint.green('✔')} ${text}`);
  keepYoungGenerationSmall();
  const { relay, checks, ok } = await runForeground(prepared, interruption.signal, {
    onApplied: (applied) => {
      written.push(...applied.written.map(({ path }) => path));
      const { root } = prepared.layout;
      done(written.length > 0 ? report.wrote(written.length, root) : report.filesUnchanged(root));
      if (output.verbose) for (const path of written) output.progress(`      ${path}`);
    },
    onStarted: ({ ports }) => {
      done(report.started(portList(ports)));
      output.progress(report.proving(prepared.answers.host));
    },
    onCheckStart: (id) => output.busy(messages.checks[id]),
    onCheck: (check) => {
      output.idle();
      // Even with --quiet nobody should have to guess what failed.
      const print = check.ok ? output.progress : output.error;
      for (const line of checkLines(check, prepared.plan.probe, messages, paint, columnsOf(process.stderr)))
        print(line);
    },
  });
  const result: SetupResult = { prepared: await withCertificateEnd(prepared), ports: relay.ports, checks, ok, written };
  output.progress('');
  const style = { paint: output.paint, columns: columnsOf(process.stdout) };
  for (const line of foregroundReportLines(result, messages, style)) output.answer(line);
  output.document(reportDocument(result, messages));
  if (!once) {
    output.progress(`\n${report.serving}`);
    // The authority's client is loaded where it is needed only.
    const renewal =
      prepared.answers.cert === 'letsencrypt'
        ? (await import('./renew/foreground.ts')).renewMeanwhile(prepared, relay, session)
        : undefined;
    await interruption.happened;
    await renewal?.stop();
    output.progress(report.stopping);
  }
  await relay.stop();
  return ok ? EXIT.done : EXIT.unverified;
}

/** Why a relay could not start, with the name of who is in the way. */
async function startFailure(error: RelayStartError): Promise<string> {
  if (error.errno !== 'EADDRINUSE' || error.port === undefined) return error.message;
  const owner = await portOwner(error.protocol ?? 'tcp', error.port);
  return owner?.pid === undefined ? error.message : `${error.message}: ${owner.name} (pid ${owner.pid})`;
}

/** Tells why there is no relay, and what is left of the attempt. */
async function tellFailure({ cause, interrupted, left }: ForegroundError, session: Session): Promise<number> {
  const { output } = session;
  const { report } = session.messages;
  let message = cause instanceof Error ? cause.message : String(cause);
  if (interrupted) message = report.interrupted;
  else if (cause instanceof OrderError) message = orderFailure(cause, session.messages).join(' → ');
  else if (cause instanceof RelayStartError) message = report.failedToStart(await startFailure(cause));
  output.idle();
  output.error(interrupted ? message : `derp-setup: ${message}`);
  output.error(left.length > 0 ? report.left(left) : report.undone);
  output.document({ ok: false, problems: [{ code: interrupted ? 'interrupted' : 'failed', rule: message }], left });
  if (left.length > 0) return EXIT.notUndone;
  return interrupted ? EXIT.interrupted : EXIT.failed;
}
