/** Answers questions from a list instead of a terminal, and look-ups from a machine that is made up. */
import { Chalk } from 'chalk';
import { en } from '../../../src/cli/messages/en.ts';
import type { WizardLookups } from '../../../src/cli/wizard/lookups.ts';
import {
  BACK,
  type Back,
  type InputQuestion,
  type KeysQuestion,
  type Prompter,
  type SelectQuestion,
} from '../../../src/cli/wizard/prompter.ts';
import type { Screen } from '../../../src/cli/wizard/screen.ts';
import {
  runWizard,
  type WizardInput,
  type WizardResult,
  type WizardRun,
  type WizardState,
} from '../../../src/cli/wizard/wizard.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { type AnswerSources, completeAnswers, resolveAnswers } from '../../../src/setup/answers/resolve.ts';
import type { Resolved } from '../../../src/setup/answers/resolved.ts';
import type { Facts } from '../../../src/setup/facts.ts';

/** Enter: what is offered. Escape: the question before. A text: typed, chosen, or a letter. */
export const ENTER = Symbol('Enter');
export const ESCAPE = Symbol('Escape');
export type Keystroke = typeof ENTER | typeof ESCAPE | string | boolean;

/** What was asked, for a look at it afterwards. */
export type Asked = SelectQuestion<unknown> | InputQuestion | KeysQuestion<unknown>;

/** A prompter that takes its answers from `keystrokes`; `refusals` are what was said about texts that would not do. */
export function scriptedPrompter(keystrokes: Keystroke[]) {
  const asked: Asked[] = [];
  const refusals: string[] = [];
  const next = (question: Asked): Keystroke => {
    asked.push(question);
    const stroke = keystrokes.shift();
    if (stroke === undefined) throw new Error(`nothing is left to answer: ${question.message}`);
    return stroke;
  };
  const prompter: Prompter = {
    select: async (question) => {
      const stroke = next(question as SelectQuestion<unknown>);
      if (stroke === ESCAPE) return BACK;
      const open = question.options.filter(({ disabled }) => disabled === undefined);
      const value = stroke === ENTER ? (question.preselected ?? open[0]?.value) : stroke;
      const chosen = open.find((option) => option.value === value);
      if (!chosen) throw new Error(`${String(value)} cannot be chosen: ${question.message}`);
      return chosen.value;
    },
    input: async (question) => {
      for (;;) {
        const stroke = next(question);
        if (stroke === ESCAPE) return BACK;
        const text = stroke === ENTER ? (question.offered ?? '') : String(stroke);
        const wrong = await question.judge(text);
        if (wrong === undefined) return text;
        refusals.push(wrong);
      }
    },
    keys: async (question) => {
      const stroke = next(question as KeysQuestion<unknown>);
      if (stroke === ESCAPE) return BACK;
      const { options } = question;
      const chosen = stroke === ENTER ? options[0] : options.find(({ key }) => key === stroke);
      if (!chosen) throw new Error(`${String(stroke)} is no letter of: ${question.message}`);
      return chosen.value;
    },
  };
  return { prompter, asked, refusals, left: keystrokes };
}

/** A machine on which everything is as it should be. */
export const calmLookups: WizardLookups = {
  checkHost: async () => ({ leads: 'here' }),
  settlePorts: async ({ derpPort, httpPort, stunPort }) => ({
    ports: { derpPort, httpPort, stunPort, relayHttpPort: undefined },
    notes: [],
    problems: [],
  }),
  findFreePort: async (_, start) => start,
  closedFirewall: async () => undefined,
  firstFile: async () => undefined,
  judgeChain: async () => undefined,
  judgePair: async () => [],
  judgeKeyList: async () => undefined,
  findDerper: async () => undefined,
};

/** A screen that keeps its lines. */
export function keptScreen() {
  const shown: (readonly string[])[] = [];
  const screen: Screen = {
    show: (lines) => void shown.push(lines),
    takeBack: () => void shown.pop(),
  };
  return { screen, lines: () => shown.flat() };
}

const NO_SWITCHES = { openFirewall: false, takeOver: false, overwrite: false, noStart: false };

/** What a run of the wizard starts from. */
export interface Scene {
  facts: Facts;
  sources?: Partial<AnswerSources>;
  lookups?: Partial<WizardLookups>;
  switches?: Partial<WizardInput['switches']>;
  root?: string;
  state?: WizardState;
  mayLeave?: boolean;
}

/** Runs the wizard with these keystrokes; fails when some are left over, or when it is left. */
export async function play(scene: Scene, keystrokes: Keystroke[]) {
  const { result, ...seen } = await playUnlessLeft(scene, keystrokes);
  if (result === BACK) throw new Error('the wizard was left');
  return { ...result, ...seen };
}

/** What a wizard came to, and all that was shown. */
interface Played {
  result: WizardResult | Back;
  asked: Asked[];
  refusals: string[];
  lines: string[];
}

/** The same; the result is BACK when it was left. */
export async function playUnlessLeft(scene: Scene, keystrokes: Keystroke[]): Promise<Played> {
  const { facts, sources, lookups, switches, root, state, mayLeave = false } = scene;
  const resolution = resolveAnswers({ flags: {}, environment: {}, ...sources });
  const resolved: Resolved = {
    facts,
    layout: layoutBelow(root ?? '/'),
    resolution,
    answers: completeAnswers(resolution.given, facts),
    manifest: undefined,
    taken: undefined,
    problems: [],
  };
  const { prompter, asked, refusals, left } = scriptedPrompter(keystrokes);
  const { screen, lines } = keptScreen();
  const run: WizardRun = {
    prompter,
    screen,
    lookups: { ...calmLookups, ...lookups },
    messages: en,
    paint: new Chalk({ level: 0 }),
    width: 100,
    mayLeave,
    whileBusy: (_, work) => work,
  };
  const result = await runWizard({ resolved, switches: { ...NO_SWITCHES, ...switches }, root }, run, state);
  if (left.length > 0) throw new Error(`${left.length} keystrokes were not needed`);
  return { result, asked, refusals, lines: lines() };
}
