/** The order of the questions, and the way back. Nothing is done here but asking: the result is a list of answers. */
import type { Resolved } from '../../setup/answers/resolved.ts';
import type { SetupSwitches } from '../../setup/answers/switches.ts';
import { answerLines } from './answer-lines.ts';
import { answersWith, type Baseline, type Contribution, fixedAnswers, givenWith, neededTexts } from './answers.ts';
import { BACK, type Back } from './prompter.ts';
import type { Draft, QuestionId, Situation, WizardQuestion, WizardTools } from './question.ts';
import { certificateQuestion } from './questions/certificate.ts';
import { derperQuestion } from './questions/derper.ts';
import { firewallQuestion } from './questions/firewall.ts';
import { hostQuestion } from './questions/host.ts';
import { portsQuestion } from './questions/ports.ts';
import { regionQuestion } from './questions/region.ts';
import { targetQuestion } from './questions/target.ts';
import { verificationQuestion } from './questions/verification.ts';
import type { Screen } from './screen.ts';
import type { Texts } from './texts.ts';

/** In the order in which they are asked: what others depend on comes first. */
export const WIZARD_QUESTIONS: readonly WizardQuestion[] = [
  derperQuestion,
  hostQuestion,
  certificateQuestion,
  targetQuestion,
  portsQuestion,
  verificationQuestion,
  regionQuestion,
  firewallQuestion,
];

/** What a wizard starts from. There must be no problems with the answers that were given. */
export interface WizardInput {
  resolved: Resolved;
  /** As the flags and the environment have them. */
  switches: SetupSwitches;
  /** Where files go when the user says so. */
  root?: string | undefined;
}

/** What was chosen, by question, so that somebody who does not like the plan can come back. */
export type WizardState = ReadonlyMap<QuestionId, Draft>;

/** What the questions came to. */
export interface WizardResult {
  /** For `resolveAnswers`, as what was prompted. */
  answers: Texts;
  switches: Partial<SetupSwitches>;
  /** For `runWizard`, to go on with the last question. */
  state: WizardState;
}

/** Everything that a wizard needs beside its questions. */
export interface WizardRun extends WizardTools {
  screen: Screen;
  /** Escape at the first question leaves; else it stays there. */
  mayLeave?: boolean;
  questions?: readonly WizardQuestion[];
}

/** A question that was passed, and whether somebody answered it. */
interface Passed {
  at: number;
  asked: boolean;
}

/**
 * Asks what is not given; Escape goes back one question, and may leave at the first, which resolves to BACK.
 * Throws WizardInterrupted.
 */
export async function runWizard(
  input: WizardInput,
  run: WizardRun,
  resume?: WizardState,
): Promise<WizardResult | Back> {
  const { resolved, switches, root } = input;
  const { resolution, facts } = resolved;
  const { screen, mayLeave = false, questions = WIZARD_QUESTIONS } = run;
  const { given } = resolution;
  const fixed = fixedAnswers(given);
  const baseline: Baseline = { given, facts, fixed };
  const drafts = new Map<QuestionId, Draft>(resume);

  /** What questions up to `at`, without it, contributed. */
  const upTo = (at: number) => {
    const earlier = questions.slice(0, at).flatMap(({ id }) => drafts.get(id) ?? []);
    const contribution: Contribution = {
      texts: Object.assign({}, ...earlier.map(({ texts }) => texts)),
      offers: Object.assign({}, ...earlier.map(({ offers }) => offers)),
    };
    const now: SetupSwitches = Object.assign({}, switches, ...earlier.map((draft) => draft.switches));
    return { contribution, switches: now };
  };
  const situationAt = (at: number): Situation => {
    // What was chosen at this question before is offered again.
    const { contribution, switches: now } = upTo(at + 1);
    return {
      facts,
      answers: answersWith(baseline, contribution),
      given: givenWith(baseline, contribution),
      switches: now,
      fixed,
      onMachine: root === undefined || root === '/',
    };
  };

  const trail: Passed[] = [];
  const pass = async (at: number, asked: boolean, place?: string) => {
    const question = questions[at]!;
    const told = await question.tell(situationAt(at), run);
    screen.show(answerLines(question.id, told, place, run));
    trail.push({ at, asked });
  };
  /** Back to the question that was answered last; undefined when there is none. */
  const goBack = (): number | undefined => {
    if (!trail.some(({ asked }) => asked)) return undefined;
    for (;;) {
      const { at, asked } = trail.pop()!;
      screen.takeBack();
      if (asked) return at;
    }
  };

  let goingBack = resume !== undefined;
  let at = 0;
  for (;;) {
    if (at === questions.length) {
      if (!goingBack) break;
      goingBack = false;
      at = goBack() ?? questions.length;
      continue;
    }
    const question = questions[at]!;
    const { id } = question;
    const situation = situationAt(at);
    // What the flags say is no answer to a question that was answered here.
    const place = question.givenBy({ ...situation, switches });
    if (!(await question.applies(situation, run))) drafts.delete(id);
    else if (place !== undefined) await pass(at, false, place);
    else if (goingBack && drafts.has(id)) await pass(at, true);
    else {
      goingBack = false;
      const draft = await question.ask(situation, run);
      if (draft === BACK) {
        const before = goBack();
        if (before === undefined && mayLeave) return BACK;
        at = before ?? at;
        continue;
      }
      const texts = neededTexts(baseline, upTo(at).contribution, draft.texts);
      drafts.set(id, { ...draft, texts });
      await pass(at, true);
    }
    at++;
  }

  const { contribution, switches: chosen } = upTo(questions.length);
  const { texts, offers } = contribution;
  const changed = Object.entries(chosen).filter(([name, value]) => value !== switches[name as keyof SetupSwitches]);
  return {
    answers: neededTexts(baseline, { texts: {}, offers }, texts),
    switches: Object.fromEntries(changed) as Partial<SetupSwitches>,
    state: drafts,
  };
}
