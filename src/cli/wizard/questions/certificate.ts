import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { LETS_ENCRYPT } from '../../../cert/acme/directory.ts';
import { privateHost } from '../../../cert/acme/private-host.ts';
import type { CertificateMode } from '../../../setup/answers/questions.ts';
import { likelyChains, likelyKeys } from '../../../setup/certificate/files.ts';
import { BACK, type Back } from '../prompter.ts';
import {
  type Draft,
  judgeText,
  type Situation,
  sentenceOf,
  type WizardQuestion,
  type WizardTools,
} from '../question.ts';

/** The ways to a certificate, whether or not this version has them. */
export const CERTIFICATE_MODES = ['letsencrypt', 'self-signed', 'manual'] as const;

/** A path as it was typed: no shell has seen to the `~`. */
export function typedPath(text: string): string {
  const path = text.trim();
  return path === '' ? '' : resolve(path.replace(/^~(?=\/|$)/, homedir()));
}

async function askChain(
  { answers, given }: Situation,
  { prompter, lookups, messages }: WizardTools,
): Promise<string | Back> {
  const known = given.certFile?.source === 'derper' ? undefined : answers.certFile;
  const offered = known ?? (await lookups.firstFile(likelyChains(answers.host)));
  const typed = await prompter.input({
    message: messages.wizard.certificate.askChain,
    offered,
    judge: async (text) => {
      const missing = judgeText('certFile', text, messages);
      if (missing !== undefined) return missing;
      const path = typedPath(text);
      const rule = await lookups.judgeChain(path);
      return rule && sentenceOf(rule, path, messages);
    },
  });
  return typed === BACK ? BACK : typedPath(typed);
}

async function askKey(situation: Situation, certFile: string, tools: WizardTools): Promise<string | Back> {
  const { answers, given } = situation;
  const { prompter, lookups, messages } = tools;
  // The key of another certificate is of no use.
  const known = given.keyFile?.source === 'derper' || certFile !== answers.certFile ? undefined : answers.keyFile;
  const offered = known ?? (await lookups.firstFile(likelyKeys(certFile)));
  const typed = await prompter.input({
    message: messages.wizard.certificate.askKey,
    offered,
    judge: async (text) => {
      const missing = judgeText('keyFile', text, messages);
      if (missing !== undefined) return missing;
      const [problem] = await lookups.judgePair(answers, certFile, typedPath(text));
      return problem && sentenceOf(problem.rule, problem.value ?? problem.subject, messages);
    },
  });
  return typed === BACK ? BACK : typedPath(typed);
}

/** The two paths, as far as they are not given; Escape at the second goes back to the first. */
async function askFiles(situation: Situation, tools: WizardTools): Promise<Draft['texts'] | Back> {
  const { answers, fixed } = situation;
  for (;;) {
    const certFile = fixed.has('certFile') ? answers.certFile! : await askChain(situation, tools);
    if (certFile === BACK) return BACK;
    if (fixed.has('keyFile')) return { certFile };
    const keyFile = await askKey(situation, certFile, tools);
    if (keyFile !== BACK) return fixed.has('certFile') ? { keyFile } : { certFile, keyFile };
    if (fixed.has('certFile')) return BACK;
  }
}

/** The certificate of the derper whose place is taken, as long as nobody has said otherwise. */
function isDerpers({ given }: Situation): boolean {
  return given.certFile?.source === 'derper' && (given.cert === undefined || given.cert.source === 'derper');
}

type Choice = CertificateMode | 'derper';

async function askMode(situation: Situation, { prompter, messages }: WizardTools): Promise<Choice | Back> {
  const { ask, modes, notes, forAddress, derper, derperNote } = messages.wizard.certificate;
  const { host, acmeDirectory = LETS_ENCRYPT } = situation.answers;
  const hasDerpers = situation.given.certFile?.source === 'derper';
  const options = CERTIFICATE_MODES.map((mode) => {
    const disabled = mode === 'letsencrypt' && privateHost(host, acmeDirectory) !== undefined;
    return {
      value: mode as Choice,
      name: mode === 'letsencrypt' && isIP(host) > 0 ? forAddress : modes[mode],
      note: notes[mode],
      disabled: disabled ? messages.wizard.certificate.privateHost : undefined,
    };
  });
  return prompter.select({
    message: ask,
    options: [...(hasDerpers ? [{ value: 'derper' as Choice, name: derper, note: derperNote }] : []), ...options],
    preselected: isDerpers(situation) ? 'derper' : situation.answers.cert,
  });
}

/** Whose word clients take for the relay being itself. */
export const certificateQuestion: WizardQuestion = {
  id: 'certificate',

  givenBy({ answers, fixed }) {
    const files = (['certFile', 'keyFile'] as const).map((key) => fixed.get(key));
    const places = [fixed.get('cert'), ...files].filter((place) => place !== undefined);
    // Who names both files has said it all; who names the mode has where it needs none.
    const said = answers.cert === 'manual' ? !files.includes(undefined) : fixed.has('cert');
    return said ? [...new Set(places)].join(', ') : undefined;
  },

  applies: () => true,

  async ask(situation, tools) {
    const { fixed, answers } = situation;
    // Files that were named say which mode is meant.
    const settled = fixed.has('cert') || fixed.has('certFile') || fixed.has('keyFile');
    for (;;) {
      const mode = settled ? answers.cert : await askMode(situation, tools);
      if (mode === BACK) return BACK;
      // Nothing is said, so that what derper has left goes on.
      if (mode === 'derper') return { texts: {} };
      const cert = settled ? {} : { cert: mode };
      if (mode !== 'manual') return { texts: cert };
      const files = await askFiles(situation, tools);
      if (files !== BACK) return { texts: { ...cert, ...files } };
      if (settled) return BACK;
    }
  },

  tell(situation, { messages }) {
    const { answers } = situation;
    const { modes, tellFiles, tellNotes, derper, derperNote } = messages.wizard.certificate;
    if (isDerpers(situation)) return { value: derper, note: derperNote };
    if (answers.cert !== 'manual') return { value: modes[answers.cert], note: tellNotes[answers.cert] };
    return { value: modes.manual, note: tellFiles(answers.certFile ?? '?', answers.keyFile ?? '?') };
  },
};
