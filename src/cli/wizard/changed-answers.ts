/** What differs between the answers of the last run and those of this one, for people who are about to change a relay. */
import { isDeepStrictEqual } from 'node:util';
import type { ChalkInstance } from 'chalk';
import { savable } from '../../setup/answers/documents.ts';
import { type Answers, type QuestionKey, questionKeys, questions } from '../../setup/answers/questions.ts';
import { OFF } from '../../setup/answers/values.ts';
import { displayWidth, harmless, padTo } from '../lines/text.ts';
import type { Messages } from '../messages/en.ts';

const PORTS: readonly QuestionKey[] = ['derpPort', 'httpPort', 'stunPort'];

function answerText(key: QuestionKey, answers: Answers, { wizard }: Messages): string {
  const value = savable(answers[key]);
  if (value === undefined) return wizard.noAnswer;
  return PORTS.includes(key) && value === OFF ? wizard.ports.off : harmless(String(value));
}

/** A line for each answer that is another one now, `--derp-port  443 → 8443`. */
export function changedAnswerLines(
  before: Answers,
  after: Answers,
  messages: Messages,
  paint: ChalkInstance,
): string[] {
  const changed = questionKeys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  const width = Math.max(0, ...changed.map((key) => displayWidth(questions[key].flag)));
  return changed.map((key) => {
    const from = paint.dim(`${answerText(key, before, messages)} →`);
    return `  ${paint.yellow('~')} ${padTo(questions[key].flag, width)}  ${from} ${answerText(key, after, messages)}`;
  });
}
