/** Everything that was answered, from wherever it came, before the machine is looked at more closely. */
import { type Layout, layoutBelow } from '../../deploy/layout.ts';
import type { Manifest } from '../../deploy/manifest.ts';
import type { RelayConfig } from '../../relay/config.ts';
import { FileError, kindOf } from '../../system/files.ts';
import type { MadeCertificates } from '../certificate/certificate.ts';
import { derperName } from '../derper/naming.ts';
import { type TakeOver, takeOver } from '../derper/take-over.ts';
import { takenAnswers } from '../derper/taken-answers.ts';
import { detectFacts, type Facts } from '../facts.ts';
import { readInstallation } from '../installation.ts';
import { fileRule, readAnswersFile, readSavedAnswers } from './documents.ts';
import type { Problem } from './problems.ts';
import type { Answers } from './questions.ts';
import { type AnswersDocument, completeAnswers, type Resolution, resolveAnswers } from './resolve.ts';
import type { SetupSwitches } from './switches.ts';

/** What a run is started with. */
export interface PrepareInput {
  flags: Partial<Record<string, string | true>>;
  environment: Record<string, string | undefined>;
  answersPath?: string | undefined;
  /** What was answered at prompts. */
  prompted?: AnswersDocument | undefined;
  /** Where files go when the user says so. */
  root?: string | undefined;
  /** Where they go in the foreground when nobody says. */
  userRoot: string;
  switches: SetupSwitches;
  logLevel: RelayConfig['logLevel'];
  now: Date;
  signal: AbortSignal;
  /** Only the certificate is to be renewed: what else is wrong does not matter now. */
  certificateOnly?: boolean;
  /** Kept from one plan to the next, where several are made of the same answers. */
  made?: MadeCertificates;
  facts?: Facts;
}

/** Everything that was answered so far, and where files belong. */
export interface Resolved {
  facts: Facts;
  layout: Layout;
  resolution: Resolution;
  answers: Answers;
  manifest: Manifest | undefined;
  /** What is taken over from the derper that is here. */
  taken: TakeOver | undefined;
  problems: Problem[];
}

/** A root that is a file would make every path below it a problem of its own. */
async function checkRoot(root: string): Promise<Problem | undefined> {
  const kind = await kindOf(root).catch((error: unknown) => {
    if (error instanceof FileError) return error;
    throw error;
  });
  const blame = { subject: '--root', flag: '--root', value: root };
  if (kind instanceof FileError) return { ...blame, rule: fileRule(kind) };
  return kind === 'file' ? { ...blame, rule: { code: 'not-a-directory' } } : undefined;
}

/** The answers to the questions, as far as they go, without a look at ports, certificates and keys. */
export async function resolveSetup(input: PrepareInput): Promise<Resolved> {
  const { flags, environment, prompted } = input;
  const facts = input.facts ?? (await detectFacts());
  const file = input.answersPath === undefined ? { problems: [] } : await readAnswersFile(input.answersPath);
  const sources = {
    flags,
    environment,
    ...(file.document && { answersFile: file.document }),
    ...(prompted && { prompted }),
  };
  // Where the last answers are depends on the target, which these say, or the machine.
  const { given } = resolveAnswers(sources);
  const first = completeAnswers(given, facts);
  const root = input.root ?? (first.deploy === 'foreground' ? input.userRoot : '/');
  const layout = layoutBelow(root);
  const badRoot = await checkRoot(root);
  const saved = badRoot ? { problems: [badRoot] } : await readSavedAnswers(layout.config);
  const installed = badRoot ? { problems: [] } : await readInstallation(layout);
  const { derper } = facts;
  const taken = input.switches.takeOver && derper !== undefined ? await takeOver(derper, input.now) : undefined;
  const namesFiles = given.certFile !== undefined || given.keyFile !== undefined;
  const resolution = resolveAnswers({
    ...sources,
    ...('document' in saved && { saved: saved.document }),
    ...(taken && derper && { derper: takenAnswers(taken, derperName(derper), layout, { namesFiles }) }),
  });
  return {
    facts,
    layout,
    resolution,
    answers: completeAnswers(resolution.given, facts),
    manifest: 'manifest' in installed ? installed.manifest : undefined,
    taken,
    problems: [...file.problems, ...saved.problems, ...installed.problems, ...resolution.problems],
  };
}
