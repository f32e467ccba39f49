/** Problems as people read them, all at once, and as programs do. */
import type { Problem, Rule } from '../setup/answers/problems.ts';
import { displayWidth, padTo, printable } from './lines/text.ts';
import type { Messages } from './messages/en.ts';
import type { Wording } from './messages/wording.ts';
import type { Output } from './output.ts';

/** Wider labels get a line of their own. */
const WIDEST_LABEL = 44;

/** What is wrong and how to mend it, in the language of the catalogue. */
export function wordingOf(rule: Rule, { problems }: Pick<Messages, 'problems'>): Wording {
  // Each code's own sentence takes that code's own rule; the type system cannot follow the look-up.
  return (problems[rule.code] as (rule: Rule) => Wording)(rule);
}

function labelOf({ subject, value }: Problem): string {
  if (value === undefined) return subject;
  const shown = printable(value);
  return /^[A-Z_0-9]+$/.test(subject) ? `${subject}=${shown}` : `${subject} ${shown}`;
}

/** The problems as lines of two columns, each with the way out below. */
export function problemLines(problems: readonly Problem[], messages: Messages): string[] {
  const rows = problems.map((problem) => ({ label: labelOf(problem), ...wordingOf(problem.rule, messages) }));
  const widths = rows.map(({ label }) => displayWidth(label)).filter((width) => width <= WIDEST_LABEL);
  const width = Math.max(20, ...widths);
  const indent = ' '.repeat(width + 4);
  return rows.flatMap(({ label, rule, remedy }) => {
    const fits = displayWidth(label) <= width;
    const first = fits ? [`  ${padTo(label, width)}  ${rule}`] : [`  ${label}`, `${indent}${rule}`];
    return remedy === undefined ? first : [...first, `${indent}→ ${remedy}`];
  });
}

/** The problems as data. */
export function problemDocument(problems: readonly Problem[], messages: Messages): object {
  return {
    ok: false,
    problems: problems.map(({ subject, flag, value, rule }) => ({
      subject,
      ...(flag !== undefined && { flag }),
      ...(value !== undefined && { value }),
      code: rule.code,
      ...wordingOf(rule, messages),
    })),
  };
}

/** Tells all problems, on stderr or as the one document. */
export function tellProblems(problems: readonly Problem[], output: Output, messages: Messages): void {
  const { report } = messages;
  output.idle();
  output.error(`derp-setup: ${report.problemsTitle(problems.length)}`);
  for (const line of problemLines(problems, messages)) output.error(line);
  output.error(report.nothingChanged);
  output.document(problemDocument(problems, messages));
}
