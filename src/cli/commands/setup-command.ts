/** `derp-setup [setup]`: from flags, or from answers at the terminal, to a relay that serves, with a report at the end. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RelayConfig } from '../../relay/config.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import type { PrepareInput } from '../../setup/answers/resolved.ts';
import type { SetupSwitches } from '../../setup/answers/switches.ts';
import { type Prepared, prepareSetup, type Unprepared } from '../../setup/prepare.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { foregroundRun } from '../foreground-run.ts';
import { dryRun, installRun } from '../install-run.ts';
import { previewDiffLines } from '../lines/diff-lines.ts';
import { tellNotes } from '../lines/note-lines.ts';
import { besideOthers, whileLocked } from '../locked.ts';
import type { Output } from '../output.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';
import { canPrompt } from '../wizard/prompter.ts';
import type { RunCommand } from '../wizard/run-again.ts';

/** Where everything is kept in the foreground when nobody says where: the user's own place for state. */
function defaultUserRoot(environment: Session['environment']): string {
  return join(environment.XDG_STATE_HOME || join(homedir(), '.local/state'), 'derp-setup');
}

function logLevel({ quiet, verbose }: Output): RelayConfig['logLevel'] {
  if (verbose) return 'info';
  return quiet ? 'error' : 'warn';
}

/** A flag that is no question but has a value and a variable of its own. */
export function pathOption(
  name: 'root' | 'answers',
  flags: Flags,
  environment: Session['environment'],
  problems: Problem[],
): string | undefined {
  const flag = `--${name}`;
  const given = flags[name] ?? (environment[`DERP_SETUP_${name.toUpperCase()}`] || undefined);
  if (given === undefined) return undefined;
  if (typeof given === 'string' && given !== '') return resolve(given);
  problems.push({ subject: flag, flag, rule: { code: 'missing-value' } });
  return undefined;
}

function readSwitches(flags: Flags): SetupSwitches {
  return {
    openFirewall: flags.openFirewall === true,
    takeOver: flags.takeOver === true,
    overwrite: flags.overwrite === true,
    noStart: flags.start === false || flags.noStart === true,
  };
}

/** Runs the command; resolves to its exit code. `runCommand` runs what the menu offers. Throws WizardInterrupted. */
export async function setupCommand(
  flags: Flags,
  usageProblems: readonly Problem[],
  session: Session,
  runCommand: RunCommand,
): Promise<number> {
  const { output, environment } = session;
  const problems = [...usageProblems];
  const input: PrepareInput = {
    flags: flags as Partial<Record<string, string | true>>,
    environment,
    root: pathOption('root', flags, environment, problems),
    answersPath: pathOption('answers', flags, environment, problems),
    userRoot: defaultUserRoot(environment),
    switches: readSwitches(flags),
    logLevel: logLevel(output),
    now: new Date(),
    signal: new AbortController().signal,
  };
  const asks = flags.yes !== true && flags.dryRun !== true && problems.length === 0 && canPrompt(session);
  if (asks) {
    const code = await askAndInstall(input, session, runCommand);
    if (code !== undefined) return code;
  }
  const { found: prepared, tellOthers } = await besideOthers(() => prepareSetup(input), session);
  const isChanging =
    flags.yes === true && flags.dryRun !== true && input.root === undefined && process.getuid?.() === 0;
  if (!prepared.ok && problems.length === 0 && isChanging && tellOthers) return tellOthers();
  if (problems.length > 0 || !prepared.ok) return tellUnprepared(problems, prepared, session);
  if (flags.dryRun === true) return dryRun(prepared, session);
  if (prepared.answers.deploy === 'foreground') return foregroundRun(prepared, flags.once === true, session);
  if (flags.yes !== true) {
    tellProblems([{ subject: '--yes', flag: '--yes', rule: { code: 'needs-yes' } }], output, session.messages);
    return EXIT.badInput;
  }
  return installLocked(input, prepared, session, { tellsNotes: true });
}

/** The wizard; what it asks is loaded when it is needed. Undefined where it has nothing to ask. */
async function askAndInstall(
  input: PrepareInput,
  session: Session,
  runCommand: RunCommand,
): Promise<number | undefined> {
  const { setupAtTerminal } = await import('../wizard/at-terminal.ts');
  const carryOut = async (answered: PrepareInput) => {
    const prepared = await prepareSetup(answered);
    if (!prepared.ok) return tellUnprepared([], prepared, session);
    if (prepared.answers.deploy === 'foreground') return foregroundRun(prepared, false, session);
    return installLocked(answered, prepared, session);
  };
  return setupAtTerminal({ input, carryOut, runCommand }, session);
}

/** Everything that is wrong, and what hand-edited files would become. */
export function tellUnprepared(
  problems: readonly Problem[],
  prepared: Prepared | Unprepared,
  session: Session,
): number {
  const { output, messages } = session;
  if (!prepared.ok && prepared.edited) {
    for (const line of previewDiffLines(prepared.edited, messages, output.paintError)) output.error(line);
  }
  if (!prepared.ok && prepared.byHand) {
    output.error(messages.nginx.byHand);
    for (const line of previewDiffLines(prepared.byHand, messages, output.paintError)) output.error(line);
  }
  tellProblems([...problems, ...(prepared.ok ? [] : prepared.problems)], output, messages);
  return EXIT.badInput;
}

/**
 * Installs while no other run does. What was prepared before the lock was had is prepared again. `tellsNotes`: nobody has
 * seen the plan, and with it what should be known beforehand.
 */
function installLocked(
  input: PrepareInput,
  { layout }: Prepared,
  session: Session,
  { tellsNotes = false } = {},
): Promise<number> {
  return whileLocked(layout.root, session, async () => {
    const prepared = await prepareSetup(input);
    if (!prepared.ok) return tellUnprepared([], prepared, session);
    // Where there is nothing to do they are told there.
    if (tellsNotes && prepared.preview.length > 0) tellNotes(prepared.notes, session);
    return installRun(prepared, session);
  });
}
