/** Setup at the terminal: looks at the machine, asks, shows the plan, and goes on after a yes. */

import { derperName } from '../../setup/derper/naming.ts';
import { fileRule } from '../../setup/documents.ts';
import { prepareSetup } from '../../setup/prepare.ts';
import type { Problem } from '../../setup/problems.ts';
import { type PrepareInput, resolveSetup } from '../../setup/resolved.ts';
import { FileError, kindOf, writeFileAtomic } from '../../system/files.ts';
import { lineWidth } from '../columns.ts';
import { previewDiffLines } from '../diff-lines.ts';
import { EXIT } from '../exit-codes.ts';
import { tellNotes } from '../note-lines.ts';
import { planLines } from '../plan-lines.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';
import { confirmPlan } from './confirm-plan.ts';
import { createLookups } from './lookups.ts';
import { usualPorts } from './preflight-facts.ts';
import { preflightLines, titleLine } from './preflight-table.ts';
import { createPrompter, WizardInterrupted } from './prompting.ts';
import { createScreen } from './screen.ts';
import { runWizard, type WizardState } from './wizard.ts';

/** What happens after the yes. */
export type CarryOut = (input: PrepareInput) => Promise<number>;

/** The flags of the switches that a script must give beside an answers file. */
const SWITCH_FLAGS: Record<string, string> = { openFirewall: '--open-firewall', takeOver: '--take-over' };

/** Writes the answers in the form that `--answers` reads. */
async function saveAnswers(path: string, answers: object): Promise<Problem | undefined> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(answers, null, 2)}\n`);
    return undefined;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { subject: path, rule: fileRule(error) };
  }
}

/** Asks everything that is not given, and carries the plan out; resolves to the exit code. */
export async function interactiveSetup(input: PrepareInput, session: Session, carryOut: CarryOut): Promise<number> {
  try {
    return await converse(input, session, carryOut);
  } catch (error) {
    if (!(error instanceof WizardInterrupted)) throw error;
    session.output.error(session.messages.report.nothingChanged);
    return EXIT.interrupted;
  }
}

async function converse(input: PrepareInput, session: Session, carryOut: CarryOut): Promise<number> {
  const { output, messages, environment } = session;
  const paint = output.paintError;
  const width = lineWidth(process.stderr.columns);
  const resolved = await resolveSetup(input);
  if (resolved.problems.length > 0) {
    tellProblems(resolved.problems, output, messages);
    return EXIT.badInput;
  }
  const { facts } = resolved;
  output.progress(titleLine(__VERSION__, messages, paint, width));
  const derper = facts.derper && derperName(facts.derper);
  const table = { ...facts, derper, ports: await usualPorts() };
  for (const line of ['', ...preflightLines(table, messages, paint, width), '']) output.progress(line);

  const prompter = createPrompter(session, input.signal);
  const lookups = createLookups(resolved, { environment, now: input.now });
  const whileBusy = async <T>(text: string, work: Promise<T>): Promise<T> => {
    output.busy(text);
    try {
      return await work;
    } finally {
      output.idle();
    }
  };
  const run = { prompter, lookups, messages, paint, width, whileBusy, screen: createScreen(process.stderr) };
  let state: WizardState | undefined;
  for (;;) {
    const result = await runWizard({ resolved, switches: input.switches, root: input.root }, run, state);
    state = result.state;
    const switches = { ...input.switches, ...result.switches };
    const answered = { ...input, switches, prompted: { path: 'derp-setup', values: result.answers } };
    const prepared = await prepareSetup(answered);
    if (!prepared.ok) {
      if (prepared.edited) for (const line of previewDiffLines(prepared.edited, messages, paint)) output.error(line);
      tellProblems(prepared.problems, output, messages);
      return EXIT.badInput;
    }
    output.progress('');
    tellNotes(prepared.notes, session);
    for (const line of planLines(prepared, messages, paint, { columns: width, verbose: output.verbose }))
      output.progress(line);
    const decision = await confirmPlan({
      prompter,
      messages,
      print: output.progress,
      differences: () => previewDiffLines(prepared.preview, messages, paint, { verbose: output.verbose }),
      saveAnswers: (path) => saveAnswers(path, result.answers),
      isThere: async (path) => (await kindOf(path)) !== 'missing',
      switches: Object.entries(SWITCH_FLAGS).flatMap(([name, flag]) => (name in result.switches ? [flag] : [])),
    });
    if (decision === 'go') return carryOut(answered);
    if (decision === 'stop') {
      output.answer(messages.report.nothingChanged);
      return EXIT.done;
    }
  }
}
