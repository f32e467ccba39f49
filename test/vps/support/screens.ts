/** Keeps what the wizard has shown as a text for the documentation, when a run is asked to. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a first run has shown. */
export interface Shown {
  ipv4: string;
  /** The questions as they were when they were answered, in their order; what was asked twice stands there twice. */
  asked: readonly string[];
  /** The screen with the plan. */
  plan: string;
  /** All that was shown in the end. */
  shown: string;
}

/** The address of the documentation's machine. */
const EXAMPLE = '203.0.113.7';

/** The text: what stands above the questions, each question once, then the answers, the plan, and what was done. */
export function screensText({ ipv4, asked, plan, shown }: Shown): string {
  const firstAnswer = plan.indexOf('\n✔ ');
  const table = plan.slice(0, firstAnswer).trimEnd();
  // The words of a question; what it offers stands behind a gap.
  const wordsOf = (question: string) => question.split(/\n| {2}/)[0]!;
  const confirmation = asked.at(-1) ?? '';
  const questions = new Map<string, string>();
  for (const question of asked) {
    const words = wordsOf(question);
    if (words !== wordsOf(confirmation) && !questions.has(words)) questions.set(words, question);
  }
  // What was looked at in between, such as the differences, is left out.
  const answersAndPlan = plan.slice(firstAnswer, plan.lastIndexOf('\n? ')).trim();
  const doing = shown.slice(shown.indexOf('\n  ✔ ') + 1);
  const parts = [table, ...questions.values(), answersAndPlan, confirmation, doing];
  return `$ npx derp-setup\n${parts.join('\n\n')}\n`
    .replaceAll(ipv4, EXAMPLE)
    .replace(/ · \S* ?systemd-nspawn(?: 容器中)?/, '');
}

/** Writes docs/wizard-<language>.txt when `DERP_KEEP_SCREENS` is set. */
export function keepScreens(language: 'en' | 'zh', shown: Shown): void {
  if (!process.env.DERP_KEEP_SCREENS) return;
  writeFileSync(fileURLToPath(new URL(`../../../docs/wizard-${language}.txt`, import.meta.url)), screensText(shown));
}
