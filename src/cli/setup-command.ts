/** `derp-setup [setup]`: from flags to a relay that serves, with a report at the end. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RelayConfig } from '../relay/config.ts';
import { keepYoungGenerationSmall } from '../relay/heap.ts';
import { RelayStartError } from '../relay/start-error.ts';
import { ForegroundError, runForeground } from '../setup/foreground.ts';
import type { Note } from '../setup/notes.ts';
import { type Prepared, prepareForeground } from '../setup/prepare.ts';
import type { Problem } from '../setup/problems.ts';
import { portOwner } from '../system/port-owner.ts';
import { checkLines } from './check-lines.ts';
import { EXIT_INTERRUPTED, type Interruption, watchInterruption } from './interruption.ts';
import type { Flags } from './invocation.ts';
import type { Output } from './output.ts';
import { tellProblems } from './problem-list.ts';
import type { Session } from './session.ts';
import { noteText, portList, reportDocument, reportLines, type SetupResult } from './setup-report.ts';

const EXIT = { done: 0, failed: 1, badInput: 2, unverified: 3, notUndone: 4 };

/** Told even with --quiet: whoever overlooks them has clients that cannot connect any more. */
const URGENT_NOTES: readonly Note['code'][] = ['pin-changed', 'certificate-ends-soon'];

/** Where everything is kept when nobody says where: the user's own place for state. */
function defaultRoot(environment: Session['environment']): string {
  return join(environment.XDG_STATE_HOME || join(homedir(), '.local/state'), 'derp-setup');
}

function logLevel({ quiet, verbose }: Output): RelayConfig['logLevel'] {
  if (verbose) return 'info';
  return quiet ? 'error' : 'warn';
}

/** A flag that is no question but has a value and a variable of its own. */
function pathOption(name: 'root' | 'answers', flags: Flags, environment: Session['environment'], problems: Problem[]) {
  const flag = `--${name}`;
  const given = flags[name] ?? (environment[`DERP_SETUP_${name.toUpperCase()}`] || undefined);
  if (given === undefined) return undefined;
  if (typeof given === 'string' && given !== '') return resolve(given);
  problems.push({ subject: flag, flag, rule: { code: 'missing-value' } });
  return undefined;
}

/** Runs the command; resolves to its exit code. */
export async function setupCommand(flags: Flags, usageProblems: readonly Problem[], session: Session): Promise<number> {
  const { output, messages, environment } = session;
  const problems = [...usageProblems];
  const root = pathOption('root', flags, environment, problems) ?? defaultRoot(environment);
  const answersPath = pathOption('answers', flags, environment, problems);
  const prepared = await prepareForeground({
    flags: flags as Partial<Record<string, string | true>>,
    environment,
    answersPath,
    root,
    logLevel: logLevel(output),
    now: new Date(),
  });
  if (!prepared.ok) problems.push(...prepared.problems);
  if (problems.length > 0 || !prepared.ok) {
    tellProblems(problems, output, messages);
    return EXIT.badInput;
  }
  const interruption = watchInterruption();
  try {
    return await serve(prepared, flags.once === true, interruption, session);
  } catch (error) {
    if (error instanceof ForegroundError) return await tellFailure(error, session);
    throw error;
  } finally {
    output.idle();
    interruption.release();
  }
}

/** Runs the plan, reports, and serves until the interruption. */
async function serve(prepared: Prepared, once: boolean, interruption: Interruption, session: Session): Promise<number> {
  const { output, messages } = session;
  const { report } = messages;
  const paint = output.paintError;
  for (const note of prepared.notes) {
    const print = URGENT_NOTES.includes(note.code) ? output.error : output.progress;
    print(`  ${paint.yellow('!')} ${noteText(note, messages)}`);
  }
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
      for (const line of checkLines(check, prepared.plan.probe, messages, paint)) print(line);
    },
  });
  const result: SetupResult = { prepared, ports: relay.ports, checks, ok, written };
  output.progress('');
  for (const line of reportLines(result, messages)) output.answer(line);
  output.document(reportDocument(result, messages));
  if (!once) {
    output.progress(`\n${report.serving}`);
    await interruption.happened;
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
  else if (cause instanceof RelayStartError) message = report.failedToStart(await startFailure(cause));
  output.idle();
  output.error(interrupted ? message : `derp-setup: ${message}`);
  output.error(left.length > 0 ? report.left(left) : report.undone);
  output.document({ ok: false, problems: [{ code: interrupted ? 'interrupted' : 'failed', rule: message }], left });
  if (left.length > 0) return EXIT.notUndone;
  return interrupted ? EXIT_INTERRUPTED : EXIT.failed;
}
