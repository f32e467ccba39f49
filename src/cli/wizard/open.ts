/** Opens the wizard at the terminal: says who speaks and what was found out, and hands out what questions need. */
import type { Resolved } from '../../setup/answers/resolved.ts';
import { lineWidth } from '../lines/columns.ts';
import type { Session } from '../session.ts';
import { whileBusy } from './busy.ts';
import { createLookups } from './lookups.ts';
import { gatherPreflight } from './preflight-facts.ts';
import { preflightLines, titleLine } from './preflight-table.ts';
import type { Terminal } from './prompter.ts';
import { createPrompter } from './prompting.ts';
import { createScreen } from './screen.ts';
import type { WizardRun } from './wizard.ts';

/** How a wizard is opened. */
export interface Opening {
  signal: AbortSignal;
  now: Date;
  /** Somebody has chosen to change what is installed: who speaks and on what machine is known, and one may leave. */
  again?: boolean | undefined;
}

/** Prints what stands above the questions, and returns what `runWizard` asks with. Throws WizardInterrupted. */
export async function openWizard(
  resolved: Resolved,
  session: Session,
  { signal, now, again = false }: Opening,
  terminal: Terminal = process,
): Promise<WizardRun> {
  const { output, messages, environment } = session;
  const { stderr } = terminal;
  const paint = output.paintError;
  const width = lineWidth(stderr.columns);
  const { wizard } = messages;
  const print = (line: string) => stderr.write(`${line}\n`);
  const busy = <T>(text: string, work: Promise<T>) => whileBusy(text, work, output, terminal);
  if (!again) {
    print(titleLine(__VERSION__, messages, paint, width));
    print('');
    const found = await busy(wizard.table.looking, gatherPreflight(resolved.facts));
    for (const line of preflightLines(found, messages, paint, width)) print(line);
    print('');
  }
  print(paint.dim(again ? wizard.introAgain : wizard.intro));
  print('');
  return {
    prompter: createPrompter(session, signal, terminal),
    lookups: createLookups(resolved, { environment, now }),
    screen: createScreen(stderr),
    mayLeave: again,
    whileBusy: busy,
    messages,
    paint,
    width,
  };
}
