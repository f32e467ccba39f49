import { lintRegionId } from '../../../derp-map/lint.ts';
import type { Answers } from '../../../setup/answers/questions.ts';
import { BACK, type Back } from '../prompter.ts';
import {
  type Draft,
  givenByAll,
  judgeText,
  type Situation,
  type Told,
  type WizardQuestion,
  type WizardTools,
} from '../question.ts';

const REGION_KEYS = ['regionId', 'regionCode', 'regionName'] as const;
type Region = Pick<Answers, (typeof REGION_KEYS)[number]>;

/** `900 · myderp · "My DERP"`. */
function regionLine(
  { regionId, regionCode, regionName }: Region,
  { quoted }: WizardTools['messages']['wizard'],
): string {
  return [regionId, regionCode, quoted(regionName)].join(' · ');
}

/** Asks for those of the three that are not given; Escape goes back one, and before the first out of here. */
async function askRegion(situation: Situation, tools: WizardTools): Promise<Draft['texts'] | Back> {
  const { answers, fixed } = situation;
  const { prompter, messages } = tools;
  const open = REGION_KEYS.filter((key) => !fixed.has(key));
  const texts: Draft['texts'] = {};
  for (let at = 0; at < open.length; ) {
    const key = open[at]!;
    const typed = await prompter.input({
      message: messages.wizard.region.askOne[key],
      offered: texts[key] ?? String(answers[key]),
      judge: (text) => judgeText(key, text, messages),
    });
    if (typed === BACK) {
      if (at === 0) return BACK;
      at--;
      continue;
    }
    texts[key] = typed.trim();
    at++;
  }
  return texts;
}

/** A node that was named after its region is named after the new one. */
function followingNodeName({ answers, fixed }: Situation, { regionId }: Draft['texts']): Draft['texts'] {
  const follows = answers.nodeName === `${answers.regionId}a` && !fixed.has('nodeName');
  return follows && regionId !== undefined ? { nodeName: `${Number(regionId)}a` } : {};
}

/** How the relay is named in the map. */
export const regionQuestion: WizardQuestion = {
  id: 'region',
  givenBy: givenByAll(REGION_KEYS),
  applies: () => true,

  async ask(situation, tools) {
    const { prompter, messages } = tools;
    const { wizard } = messages;
    for (;;) {
      const change = await prompter.keys({
        message: wizard.region.ask,
        value: regionLine(situation.answers, wizard),
        options: [
          { key: 'k', name: wizard.keep, value: false },
          { key: 'c', name: wizard.change, value: true },
        ],
      });
      if (change === BACK) return BACK;
      if (!change) return { texts: keptTexts(situation) };
      const texts = await askRegion(situation, tools);
      if (texts !== BACK) return { texts: { ...texts, ...followingNodeName(situation, texts) } };
    }
  },

  tell({ answers }, { messages }): Told {
    const value = regionLine(answers, messages.wizard);
    const rule = lintRegionId(answers.regionId)[0]?.rule;
    if (rule === 'tailscale-region' || rule === 'outside-custom-range') {
      return { value, note: messages.wizard.region.remarks[rule], doubtful: true };
    }
    return { value };
  },
};

/** The region that was chosen before, at a first visit to the question. */
function keptTexts({ answers, fixed }: Situation): Draft['texts'] {
  const open = [...REGION_KEYS, 'nodeName' as const].filter((key) => !fixed.has(key));
  return Object.fromEntries(open.map((key) => [key, String(answers[key])]));
}
