/** From what was chosen at the questions to texts that the resolver reads; no more of them than are needed. */
import { isDeepStrictEqual } from 'node:util';
import { type Answers, type QuestionKey, questionKeys, questions } from '../../setup/answers/questions.ts';
import { type AnswerSource, completeAnswers, type GivenAnswers } from '../../setup/answers/resolve.ts';
import type { Facts } from '../../setup/facts.ts';
import type { Texts } from './texts.ts';

/** Answers that are offered and not taken for granted: somebody gave them at another time, or for another program. */
const OFFERED: readonly AnswerSource[] = ['prompt', 'saved', 'derper'];

/** Where answers were given that are not asked: by flags, variables and the answers file. */
export function fixedAnswers(given: GivenAnswers): Map<QuestionKey, string> {
  const places = questionKeys.flatMap((key) => {
    const answer = given[key];
    return answer === undefined || OFFERED.includes(answer.source) ? [] : [[key, answer.subject] as const];
  });
  return new Map(places);
}

/** What all questions start from. */
export interface Baseline {
  given: GivenAnswers;
  facts: Facts;
  fixed: ReadonlyMap<QuestionKey, string>;
}

/** Texts that were chosen, and below everything else those that a derper has left. */
export interface Contribution {
  texts: Texts;
  offers?: Texts | undefined;
}

/** What is given together with these texts, as the resolver will have it. */
export function givenWith({ given, fixed }: Baseline, { texts, offers = {} }: Contribution): GivenAnswers {
  const all: Record<string, unknown> = {};
  for (const key of questionKeys) {
    const read = (text: string | undefined, source: AnswerSource) => {
      const parsed = text === undefined || fixed.has(key) ? undefined : questions[key].parse(text);
      return parsed?.ok ? { value: parsed.value, source, subject: questions[key].flag } : undefined;
    };
    // What was prompted in an earlier round is in the texts, or was changed since.
    const before = given[key]?.source === 'prompt' ? undefined : given[key];
    const answer = read(texts[key], 'prompt') ?? before ?? read(offers[key], 'derper');
    if (answer) all[key] = answer;
  }
  return all as GivenAnswers;
}

/** All answers with these texts. */
export function answersWith(baseline: Baseline, contribution: Contribution): Answers {
  return completeAnswers(givenWith(baseline, contribution), baseline.facts);
}

/**
 * Those of `texts` without which some answer would be another: a default that was merely accepted stays a default, so
 * that it goes on following the machine.
 */
export function neededTexts(baseline: Baseline, before: Contribution, texts: Texts): Texts {
  const needed: Texts = {};
  for (const key of questionKeys) {
    const text = texts[key];
    if (text === undefined || baseline.fixed.has(key)) continue;
    const parsed = questions[key].parse(text);
    const without = answersWith(baseline, { ...before, texts: { ...before.texts, ...needed } });
    if (parsed.ok && !isDeepStrictEqual(parsed.value, without[key])) needed[key] = text;
  }
  return needed;
}
