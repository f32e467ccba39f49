/** Which answer counts: flag, then environment, answers file, prompt, the last run's, and then the default. */
import { joinEntries } from '../access/address-source.ts';
import type { Facts } from '../facts.ts';
import type { Problem } from './problems.ts';
import {
  type Answers,
  ENVIRONMENT_PREFIX,
  environmentName,
  type QuestionKey,
  questionKeys,
  questions,
} from './questions.ts';
import { closest } from './suggest.ts';

export type AnswerSource = 'flag' | 'environment' | 'answers-file' | 'prompt' | 'saved' | 'derper';

/** Answers read from a file. */
export interface AnswersDocument {
  path: string;
  values: Record<string, unknown>;
}

/** Everywhere an answer can come from. */
export interface AnswerSources {
  /** The flags' texts; true for a flag that came without its value. */
  flags: Partial<Record<string, string | true>>;
  environment: Record<string, string | undefined>;
  answersFile?: AnswersDocument;
  /** What was answered on the terminal. */
  prompted?: AnswersDocument;
  saved?: AnswersDocument;
  /** What the derper that is taken over was set up with. */
  derper?: AnswersDocument;
}

/** An answer that somebody gave. */
export interface GivenAnswer<T> {
  value: NonNullable<T>;
  source: AnswerSource;
  /** Where it was given, as the user knows it. */
  subject: string;
}

export type GivenAnswers = { [K in QuestionKey]?: GivenAnswer<Answers[K]> };

/** What was answered, and everything that is wrong with it. */
export interface Resolution {
  given: GivenAnswers;
  problems: Problem[];
  /** The questions whose answer cannot be used; what builds on them cannot be judged either. */
  unusable: Set<QuestionKey>;
}

/** Variables that are read elsewhere: how to run, not what to set up. */
const OTHER_VARIABLES = [
  ...['ROOT', 'ANSWERS', 'LANG', 'YES', 'JSON', 'ONCE', 'QUIET', 'VERBOSE'],
  ...['DRY_RUN', 'NO_START', 'OPEN_FIREWALL', 'TAKE_OVER', 'OVERWRITE'],
].map((name) => ENVIRONMENT_PREFIX + name);

/** The keys of a file may be spelt as in config.json (`derpPort`) or as the flags (`derp-port`). */
function fileKey(name: string): QuestionKey | undefined {
  return questionKeys.find((key) => key === name || questions[key].flag === `--${name}`);
}

interface RawAnswer {
  source: AnswerSource;
  subject: string;
  text: string | undefined;
}

function fromDocument(document: AnswersDocument | undefined, source: AnswerSource, key: QuestionKey): RawAnswer[] {
  if (!document) return [];
  return Object.entries(document.values)
    .filter(([name, value]) => fileKey(name) === key && value !== null)
    .map(([name, value]) => ({ source, subject: `${document.path}: ${name}`, text: answerText(key, value) }));
}

/** An answer of a file as the text of its flag; undefined for a value of another kind. */
function answerText(key: QuestionKey, value: unknown): string | undefined {
  const isText = (one: unknown) => typeof one === 'string' || typeof one === 'number';
  if (questions[key].isList && Array.isArray(value) && value.every(isText)) return joinEntries(value.map(String));
  return isText(value) ? String(value) : undefined;
}

/** Every answer to one question, the one that counts first. */
function candidates(key: QuestionKey, sources: AnswerSources): RawAnswer[] {
  const found: RawAnswer[] = [];
  const { flag } = questions[key];
  const flagText = sources.flags[key];
  if (flagText !== undefined) {
    found.push({ source: 'flag', subject: flag, text: flagText === true ? '' : flagText });
  }
  const variable = environmentName(flag);
  // An empty variable is how scripts leave one out.
  if (sources.environment[variable]) {
    found.push({ source: 'environment', subject: variable, text: sources.environment[variable] });
  }
  found.push(
    ...fromDocument(sources.answersFile, 'answers-file', key),
    ...fromDocument(sources.prompted, 'prompt', key),
    ...fromDocument(sources.saved, 'saved', key),
    ...fromDocument(sources.derper, 'derper', key),
  );
  return found;
}

/** Names that are no setting: a misspelt one that is passed over in silence would surprise later. */
function unknownSettings(sources: AnswerSources): Problem[] {
  const variables = [...questionKeys.map((key) => environmentName(questions[key].flag)), ...OTHER_VARIABLES];
  const problems: Problem[] = [];
  const add = (subject: string, name: string, known: readonly string[]) => {
    const suggestion = closest(name, known);
    problems.push({ subject, rule: { code: 'unknown-setting', ...(suggestion !== undefined && { suggestion }) } });
  };
  for (const name of Object.keys(sources.environment)) {
    if (name.startsWith(ENVIRONMENT_PREFIX) && !variables.includes(name)) add(name, name, variables);
  }
  for (const document of [sources.answersFile, sources.saved]) {
    for (const name of Object.keys(document?.values ?? {})) {
      if (fileKey(name) === undefined) add(`${document!.path}: ${name}`, name, questionKeys);
    }
  }
  return problems;
}

/** Takes, for each question, the answer that counts, and reads it. */
export function resolveAnswers(sources: AnswerSources): Resolution {
  const given: Record<string, GivenAnswer<unknown>> = {};
  const problems: Problem[] = unknownSettings(sources);
  const unusable = new Set<QuestionKey>();
  for (const key of questionKeys) {
    const [answer] = candidates(key, sources);
    if (!answer) continue;
    const { source, subject, text } = answer;
    const refuse = (rule: Problem['rule'], value?: string) => {
      problems.push({ subject, flag: questions[key].flag, ...(value !== undefined && { value }), rule });
      unusable.add(key);
    };
    if (text === undefined) refuse({ code: 'not-text' });
    else if (text === '' && source === 'flag') refuse({ code: 'missing-value' });
    else {
      const parsed = questions[key].parse(text);
      if (parsed.ok) given[key] = { value: parsed.value, source, subject };
      else for (const { rule, value } of parsed.parts ?? [{ rule: parsed.rule, value: text }]) refuse(rule, value);
    }
  }
  return { given: given as GivenAnswers, problems, unusable };
}

/** Fills in the defaults. */
export function completeAnswers(given: GivenAnswers, facts: Facts): Answers {
  const answers: Record<string, unknown> = {};
  for (const key of questionKeys) {
    answers[key] = given[key]?.value ?? questions[key].fallback(answers as Partial<Answers>, facts);
  }
  return answers as unknown as Answers;
}
