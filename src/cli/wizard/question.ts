/** What a question of the wizard is: when it comes up, how it asks, and how its answer reads in one line. */
import type { ChalkInstance } from 'chalk';
import type { Rule } from '../../setup/answers/problems.ts';
import { type Answers, type QuestionKey, questions } from '../../setup/answers/questions.ts';
import type { GivenAnswers } from '../../setup/answers/resolve.ts';
import type { SetupSwitches } from '../../setup/answers/switches.ts';
import type { Facts } from '../../setup/facts.ts';
import { printable } from '../lines/text.ts';
import type { Messages } from '../messages/en.ts';
import { wordingOf } from '../problem-list.ts';
import type { WizardLookups } from './lookups.ts';
import type { Back, Prompter } from './prompter.ts';
import type { Texts } from './texts.ts';

/** What one question contributes. */
export interface Draft {
  texts: Texts;
  switches?: Partial<SetupSwitches>;
  /** Offered at the questions after this one, where nobody has answered them. */
  offers?: Texts;
}

/** Everything that is known when a question is asked. */
export interface Situation {
  facts: Facts;
  /** All answers as they are so far: given, chosen before this question, chosen at it the last time, or defaults. */
  answers: Answers;
  /** Those that somebody gave, and who. */
  given: GivenAnswers;
  switches: SetupSwitches;
  /** The answers that are not asked, with where they were given: `--host`, `DERP_SETUP_HOST` … */
  fixed: ReadonlyMap<QuestionKey, string>;
  /** The files are those of this machine, not of a directory that is only being prepared. */
  onMachine: boolean;
}

/** What questions ask and look things up with. */
export interface WizardTools {
  prompter: Prompter;
  lookups: WizardLookups;
  messages: Messages;
  paint: ChalkInstance;
  /** How many columns lines may have. */
  width: number;
  /** Shows that something takes its time. */
  whileBusy<T>(text: string, work: Promise<T>): Promise<T>;
}

/** An answer as it is shown. */
export interface Told {
  value: string;
  note?: string;
  /** The note is a warning. */
  doubtful?: boolean;
}

export type QuestionId = keyof Messages['wizard']['labels'];

/** One question. Nothing is done while it is asked. */
export interface WizardQuestion {
  id: QuestionId;
  /** Where the answer was given, if it need not be asked. */
  givenBy(situation: Situation): string | undefined;
  /** Whether there is anything to ask, here and now. */
  applies(situation: Situation, tools: WizardTools): boolean | Promise<boolean>;
  ask(situation: Situation, tools: WizardTools): Promise<Draft | Back>;
  tell(situation: Situation, tools: WizardTools): Told | Promise<Told>;
}

/** Where all of these answers were given; undefined when one of them was not. */
export function givenByAll(keys: readonly QuestionKey[]): WizardQuestion['givenBy'] {
  return ({ fixed }) => {
    const places = keys.map((key) => fixed.get(key));
    return places.includes(undefined) ? undefined : [...new Set(places)].join(', ');
  };
}

/** A rule that a text breaks, in one sentence with the way out. */
export function sentenceOf(rule: Rule, text: string | undefined, messages: Messages): string {
  const wording = wordingOf(rule, messages);
  return messages.wizard.broken(text === undefined ? undefined : printable(text), wording.rule, wording.remedy);
}

/** What is wrong with a text as the answer to a question, in a sentence. */
export function judgeText(key: QuestionKey, text: string, messages: Messages): string | undefined {
  if (text.trim() === '') return sentenceOf({ code: 'missing-value' }, undefined, messages);
  const parsed = questions[key].parse(text);
  return parsed.ok ? undefined : sentenceOf(parsed.rule, text, messages);
}
