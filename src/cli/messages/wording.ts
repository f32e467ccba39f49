/** The shapes that both catalogues fill, where a list of codes must be complete. */
import type { CheckId } from '../../probe/check.ts';
import type { Note } from '../../setup/answers/notes.ts';
import type { Rule, RuleCode } from '../../setup/answers/problems.ts';

/** What is wrong, and the way out where it does not go without saying. */
export interface Wording {
  rule: string;
  remedy?: string;
}

/** A sentence for each rule that a value can break. */
export type ProblemMessages = { [C in RuleCode]: (rule: Extract<Rule, { code: C }>) => Wording };

/** A sentence for each thing worth knowing. */
export type NoteMessages = { [C in Note['code']]: (note: Extract<Note, { code: C }>) => string };

/** A title for each check, short enough for a column. */
export type CheckTitles = Record<CheckId, string>;

/** A finding of the probe in a few words, and how to mend it. */
export interface CheckExplanation {
  detail: string;
  remedy?: string;
}
