import type { QuestionKey } from '../../setup/answers/questions.ts';

/** Answers as texts, as flags and files give them. */
export type Texts = Partial<Record<QuestionKey, string>>;
