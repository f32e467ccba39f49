/** The last question before anything is done. */
import type { Problem } from '../../setup/answers/problems.ts';
import type { Messages } from '../messages/en.ts';
import { BACK, type Prompter } from './prompter.ts';
import { judgeText, sentenceOf } from './question.ts';
import { typedPath } from './questions/certificate.ts';

/** `back`: to the questions. */
export type PlanDecision = 'go' | 'stop' | 'back';

/** Where answers are saved unless another path is typed. */
export const ANSWERS_FILE = 'derp-setup-answers.json';

/** What the question needs of its surroundings. */
export interface PlanConfirmation {
  prompter: Prompter;
  messages: Messages;
  print(line: string): void;
  /** The lines of all differences; empty when there is nothing to compare. */
  differences(): readonly string[];
  /** Writes the answers for `--answers`; what is wrong when that cannot be done. */
  saveAnswers(path: string): Promise<Problem | undefined>;
  /** Whether something is at the path already. */
  isThere(path: string): Promise<boolean>;
  /** Switches that a script must give beside the file, such as `--open-firewall`. */
  switches: readonly string[];
}

/** Asks where to, and saves; Escape does nothing. */
async function save({ prompter, messages, print, saveAnswers, isThere, switches }: PlanConfirmation): Promise<void> {
  const { plan } = messages;
  const { yes, no } = messages.wizard.keys;
  const typed = await prompter.input({
    message: plan.savePath,
    offered: ANSWERS_FILE,
    judge: (text) => judgeText('certFile', text, messages),
  });
  if (typed === BACK) return;
  const path = typedPath(typed);
  if (await isThere(path)) {
    const replace = await prompter.keys({
      message: plan.replace(path),
      options: [
        { key: 'n', name: no, value: false },
        { key: 'y', name: yes, value: true },
      ],
    });
    if (replace !== true) return;
  }
  const problem = await saveAnswers(path);
  if (problem) print(sentenceOf(problem.rule, path, messages));
  else {
    print(plan.saved(path));
    print(`  ${['npx derp-setup', '--yes', '--answers', path, ...switches].join(' ')}`);
  }
}

/** Asks whether to go on; shows differences and saves answers as often as somebody likes. Throws WizardInterrupted. */
export async function confirmPlan(confirmation: PlanConfirmation): Promise<PlanDecision> {
  const { prompter, messages, print, differences } = confirmation;
  const { plan, wizard } = messages;
  for (;;) {
    const choice = await prompter.keys({
      message: plan.goOn,
      options: [
        { key: 'y', name: wizard.keys.yes, value: 'go' },
        { key: 'n', name: wizard.keys.no, value: 'stop' },
        { key: 'd', name: plan.showDifferences, value: 'differences' },
        { key: 's', name: plan.saveAnswers, value: 'save' },
      ],
    });
    if (choice === BACK) return 'back';
    if (choice === 'go' || choice === 'stop') return choice;
    if (choice === 'save') await save(confirmation);
    else {
      const lines = differences();
      for (const line of lines.length > 0 ? lines : [plan.noDifferences]) print(line);
    }
  }
}
