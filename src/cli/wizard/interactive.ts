/** Setup at the terminal: looks at the machine, asks, shows the plan, and goes on after a yes. */
import { fileRule, savable } from '../../setup/answers/documents.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import { questionKeys } from '../../setup/answers/questions.ts';
import type { GivenAnswers } from '../../setup/answers/resolve.ts';
import type { PrepareInput, Resolved } from '../../setup/answers/resolved.ts';
import type { SetupSwitches } from '../../setup/answers/switches.ts';
import { type Prepared, prepareSetup, type Unprepared } from '../../setup/prepare.ts';
import { FileError, kindOf, writeFileAtomic } from '../../system/files.ts';
import { EXIT } from '../exit-codes.ts';
import { previewDiffLines } from '../lines/diff-lines.ts';
import { tellNotes } from '../lines/note-lines.ts';
import { planLines } from '../lines/plan-lines.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';
import { changedAnswerLines } from './changed-answers.ts';
import { confirmPlan, type PlanDecision } from './confirm-plan.ts';
import { openWizard } from './open.ts';
import { BACK } from './prompter.ts';
import type { Texts } from './texts.ts';
import { runWizard, type WizardRun, type WizardState } from './wizard.ts';

/** What happens after the yes. */
export type CarryOut = (input: PrepareInput) => Promise<number>;

/** How a conversation ended. */
export interface Conversation {
  code: number;
  /** Whether the plan was accepted. */
  carriedOut: boolean;
}

/** Everything that a conversation needs. */
export interface ConversationInput {
  input: PrepareInput;
  /** What was answered before the first question. */
  resolved: Resolved;
  /** Somebody has chosen to change what is installed. */
  again?: boolean;
  carryOut: CarryOut;
}

/** The flags of the switches that a script must give beside an answers file. */
const SWITCH_FLAGS: Record<keyof SetupSwitches, string> = {
  openFirewall: '--open-firewall',
  takeOver: '--take-over',
  overwrite: '--overwrite',
  noStart: '--no-start',
};

function scriptFlags({ root, switches }: PrepareInput): string[] {
  const names = Object.keys(SWITCH_FLAGS) as (keyof SetupSwitches)[];
  return [
    ...(root === undefined ? [] : ['--root', root]),
    ...names.filter((name) => switches[name]).map((name) => SWITCH_FLAGS[name]),
  ];
}

/** Writes the answers in the form that `--answers` reads: those that were given, wherever, and those of this run. */
async function saveAnswers(path: string, given: GivenAnswers, answers: Texts): Promise<Problem | undefined> {
  const before = questionKeys.flatMap((key) =>
    given[key] === undefined || given[key].source === 'derper' ? [] : [[key, savable(given[key].value)]],
  );
  const document = { ...Object.fromEntries(before), ...answers };
  try {
    await writeFileAtomic(path, `${JSON.stringify(document, null, 2)}\n`);
    return undefined;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { subject: path, rule: fileRule(error) };
  }
}

/** Everything that is wrong, and what hand-edited files would become. */
function tellUnprepared({ problems, edited }: Unprepared, { output, messages }: Session): Conversation {
  if (edited) for (const line of previewDiffLines(edited, messages, output.paintError)) output.error(line);
  tellProblems(problems, output, messages);
  return { code: EXIT.badInput, carriedOut: false };
}

/** The plan, with what the answers change on a machine that has a relay. */
function tellPlan(prepared: Prepared, { resolved }: ConversationInput, run: WizardRun, session: Session): void {
  const { output, messages } = session;
  const { paint, width } = run;
  output.progress('');
  if (prepared.manifest !== undefined) {
    const changes = changedAnswerLines(resolved.answers, prepared.answers, messages, paint);
    for (const line of changes.length > 0 ? [...changes, ''] : []) output.progress(line);
  }
  // What was kept from the last run stands above, answer by answer.
  const notes = prepared.notes.filter(({ code }) => code !== 'answers-kept');
  tellNotes(notes, session, width);
  if (notes.length > 0) output.progress('');
  const options = { columns: width, verbose: output.verbose };
  for (const line of planLines(prepared, messages, paint, options)) output.progress(line);
  output.progress('');
}

/** Asks everything that is not given, and carries the plan out. Throws WizardInterrupted. */
export async function converse(conversation: ConversationInput, session: Session): Promise<Conversation> {
  const { input, resolved, again, carryOut } = conversation;
  const { output, messages } = session;
  if (resolved.problems.length > 0) return tellUnprepared({ ok: false, problems: resolved.problems }, session);
  const run = await openWizard(resolved, session, { signal: input.signal, now: input.now, again });
  let state: WizardState | undefined;
  for (;;) {
    const result = await runWizard({ resolved, switches: input.switches, root: input.root }, run, state);
    if (result === BACK) return { code: EXIT.done, carriedOut: false };
    state = result.state;
    const switches = { ...input.switches, ...result.switches };
    const answered = { ...input, switches, prompted: { path: 'derp-setup', values: result.answers } };
    const prepared = await run.whileBusy(messages.wizard.planning, prepareSetup(answered));
    if (!prepared.ok) return tellUnprepared(prepared, session);
    if (prepared.preview.length === 0) {
      output.answer(messages.report.alreadyAsDescribed);
      return { code: EXIT.done, carriedOut: false };
    }
    tellPlan(prepared, conversation, run, session);
    const decision: PlanDecision = await confirmPlan({
      prompter: run.prompter,
      messages,
      print: output.progress,
      differences: () => previewDiffLines(prepared.preview, messages, run.paint, { verbose: output.verbose }),
      saveAnswers: (path) => saveAnswers(path, resolved.resolution.given, result.answers),
      isThere: async (path) => (await kindOf(path)) !== 'missing',
      switches: scriptFlags(answered),
    });
    if (decision === 'go') return { code: await carryOut(answered), carriedOut: true };
    if (decision === 'stop') {
      output.answer(messages.report.nothingChanged);
      return { code: EXIT.done, carriedOut: false };
    }
  }
}
