/** An answer as it stays on the screen: what was asked in a word or two, the answer, and what is to be said about it. */
import { wrapText } from '../lines/columns.ts';
import { displayWidth, harmless, padTo } from '../lines/text.ts';
import type { QuestionId, Told, WizardTools } from './question.ts';

/** The lines of one answer; `place` is where it was given, for one that was not asked. */
export function answerLines(
  id: QuestionId,
  { value, note = '', doubtful = false }: Told,
  place: string | undefined,
  { messages, paint, width }: Pick<WizardTools, 'messages' | 'paint' | 'width'>,
): string[] {
  const { labels, givenBy } = messages.wizard;
  const labelWidth = Math.max(...Object.values(labels).map(displayWidth));
  const indent = labelWidth + 4;
  const mark = place === undefined ? paint.green('✔') : paint.dim('·');
  const text = harmless(value);
  const remark = [place === undefined ? '' : givenBy(place), harmless(note)].filter((part) => part !== '').join('  ');
  const first = `${mark} ${padTo(labels[id], labelWidth)}  `;
  const colour = doubtful ? paint.yellow : paint.dim;
  const [start = '', ...rest] = wrapText(text, width - indent);
  const last = rest.at(-1) ?? start;
  if (remark === '') return [first + start, ...rest.map((line) => ' '.repeat(indent) + line)];
  const beside = displayWidth(last) + displayWidth(remark) + 3 + indent <= width;
  const lines = [first + start, ...rest.map((line) => ' '.repeat(indent) + line)];
  if (beside) lines[lines.length - 1] += `   ${colour(remark)}`;
  else lines.push(...wrapText(remark, width - indent).map((line) => ' '.repeat(indent) + colour(line)));
  return lines;
}
