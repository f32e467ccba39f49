/** Setup where somebody can be asked: the menu where a relay is installed and nothing else was said, else questions. */
import { layoutBelow } from '../../deploy/layout.ts';
import { environmentName, questionKeys, questions } from '../../setup/answers/questions.ts';
import { type PrepareInput, resolveSetup } from '../../setup/answers/resolved.ts';
import { readInstallation } from '../../setup/installation.ts';
import type { Session } from '../session.ts';
import { whileBusy } from './busy.ts';
import { watchEnding } from './ending.ts';
import { converse } from './interactive.ts';
import { type AgainInput, runAgain } from './run-again.ts';

/** Whether flags, variables or an answers file say what to set up, or where. */
export function saysWhat({ flags, environment, answersPath, root, switches }: PrepareInput): boolean {
  const answered = questionKeys.some(
    (key) => flags[key] !== undefined || Boolean(environment[environmentName(questions[key].flag)]),
  );
  return answered || answersPath !== undefined || root !== undefined || Object.values(switches).includes(true);
}

/**
 * Asks, and does what was answered; resolves to the exit code, or to undefined where there is nothing to ask because
 * the relay is only to be tried out. Throws WizardInterrupted.
 */
export async function setupAtTerminal(again: AgainInput, session: Session): Promise<number | undefined> {
  const ending = watchEnding();
  const input: PrepareInput = { ...again.input, signal: ending.signal, made: new Map() };
  try {
    if (!saysWhat(input)) {
      const { manifest } = await readInstallation(layoutBelow('/'));
      if (manifest !== undefined) return await runAgain({ ...again, input }, session);
    }
    const resolved = await whileBusy(session.messages.wizard.table.looking, resolveSetup(input), session.output);
    if (resolved.answers.deploy === 'foreground') return undefined;
    return (await converse({ input, resolved, carryOut: again.carryOut }, session)).code;
  } finally {
    ending.release();
  }
}
