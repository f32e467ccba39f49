import { formatVerification, type Verification } from '../../../deploy/verification.ts';
import { chosenSource, formatAddressChoice } from '../../../setup/access/address-source.ts';
import type { Facts } from '../../../setup/facts.ts';
import { BACK, type Back } from '../prompter.ts';
import {
  givenByAll,
  judgeText,
  type Situation,
  sentenceOf,
  type WizardQuestion,
  type WizardTools,
} from '../question.ts';
import { typedPath } from './certificate.ts';

type Kind = Verification['kind'];
const KINDS: readonly Kind[] = ['tailscaled', 'url', 'keys', 'none'];

/** Why this machine's tailscaled cannot be asked. */
export type TailscaledProblem = 'absent' | 'silent' | 'needs-login' | 'stopped';

/** What keeps the relay from asking tailscaled who is in its tailnet; undefined when nothing does. */
export function tailscaledProblem({ tailscaled }: Pick<Facts, 'tailscaled'>): TailscaledProblem | undefined {
  if (tailscaled === undefined) return 'absent';
  if (tailscaled.state === 'running') return undefined;
  return tailscaled.state ?? 'silent';
}

async function askUrl({ answers }: Situation, { prompter, messages }: WizardTools): Promise<Verification | Back> {
  const { verify } = answers;
  const url = await prompter.input({
    message: messages.wizard.verification.askUrl,
    offered: verify?.kind === 'url' ? verify.url : undefined,
    judge: (text) =>
      text.trim() === '' ? judgeText('verify', '', messages) : judgeText('verify', `url:${text}`, messages),
  });
  return url === BACK ? BACK : { kind: 'url', url: url.trim() };
}

async function askKeys(
  { answers }: Situation,
  { prompter, lookups, messages }: WizardTools,
): Promise<Verification | Back> {
  const { verification } = messages.wizard;
  const { verify } = answers;
  const file = await prompter.input({
    message: verification.askKeys,
    offered: verify?.kind === 'keys' ? verify.file : undefined,
    judge: async (text) => {
      if (text.trim() === '') return judgeText('verify', '', messages);
      const path = typedPath(text);
      const rule = await lookups.judgeKeyList(answers, path);
      return rule && sentenceOf(rule, path, messages);
    },
  });
  return file === BACK ? BACK : { kind: 'keys', file: typedPath(file) };
}

/** Strangers find open relays: nobody gets one by a slip of the finger, but who has one may keep it with Enter. */
async function askForSure(
  { answers, given }: Situation,
  { prompter, messages }: WizardTools,
): Promise<Verification | Back> {
  const { sure, sureInfo, notSure, isSure } = messages.wizard.verification;
  // A relay that is tried out ends with the session.
  if (answers.deploy === 'foreground') return { kind: 'none' };
  const hasOne = given.verify?.source === 'saved' && given.verify.value.kind === 'none';
  const open = await prompter.select({
    message: sure,
    info: [sureInfo],
    preselected: hasOne,
    options: [
      { value: false, name: notSure },
      { value: true, name: isSure },
    ],
  });
  return open === true ? { kind: 'none' } : BACK;
}

/** Who may use the relay. */
export const verificationQuestion: WizardQuestion = {
  id: 'verification',
  givenBy: givenByAll(['verify']),
  applies: () => true,

  async ask(situation, tools) {
    const { prompter, messages } = tools;
    const { ask, kinds, notes, tailscaled } = messages.wizard.verification;
    const { verify: offered } = situation.answers;
    const byDefault: Verification = { kind: 'tailscaled' };
    // One that listens elsewhere, as a derper that is taken over was told, is looked at when all is answered.
    const elsewhere = offered?.kind === 'tailscaled' && offered.socket !== undefined;
    const problem = situation.onMachine && !elsewhere ? tailscaledProblem(situation.facts) : undefined;
    const options = KINDS.map((kind) => ({
      value: kind,
      name: kinds[kind],
      note: notes[kind],
      disabled: kind === 'tailscaled' && problem !== undefined ? tailscaled[problem] : undefined,
    }));
    const preselected = options.find(({ value, disabled }) => !disabled && value === situation.answers.verify?.kind);
    for (;;) {
      const kind = await prompter.select({ message: ask, options, preselected: preselected?.value });
      if (kind === BACK) return BACK;
      const more: Record<Kind, () => Promise<Verification | Back>> = {
        tailscaled: async () => (elsewhere ? offered : byDefault),
        url: () => askUrl(situation, tools),
        keys: () => askKeys(situation, tools),
        none: () => askForSure(situation, tools),
      };
      const verify = await more[kind]();
      if (verify !== BACK) return { texts: { verify: formatVerification(verify) } };
    }
  },

  tell({ answers }, { messages }) {
    const { kinds, open, onlyFrom } = messages.wizard.verification;
    const verify = answers.verify ?? { kind: 'none' as const };
    // Lists are not asked for: who has one sees that it is kept.
    const list = chosenSource(answers.allowCidr);
    const only = list === null ? undefined : onlyFrom(shortened(formatAddressChoice(list)));
    if (verify.kind === 'none') return { value: kinds.none, note: only ?? open, doubtful: only === undefined };
    const note = [detailOf(verify), only].filter(Boolean).join(' · ');
    return { value: kinds[verify.kind], ...(note !== '' && { note }) };
  },
};

/** Whom or what the relay asks. */
function detailOf(verify: Verification): string | undefined {
  if (verify.kind === 'url') return verify.url;
  if (verify.kind === 'keys') return verify.file;
  return verify.kind === 'tailscaled' ? verify.socket : undefined;
}

/** More of a list would hide the rest of the line. */
const SHOWN_LIST = 48;
const shortened = (text: string) => (text.length > SHOWN_LIST ? `${text.slice(0, SHOWN_LIST)}…` : text);
