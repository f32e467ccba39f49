/**
 * From what the user said to a plan, or to the list of everything that is wrong. Reads, binds ports for a moment, and
 * changes nothing.
 */
import { type ForegroundPlan, foregroundPlan } from '../deploy/foreground.ts';
import { type Layout, layoutBelow } from '../deploy/layout.ts';
import type { RelayConfig } from '../relay/config.ts';
import { FileError, kindOf } from '../system/files.ts';
import { type CertificateChoice, chooseManualCertificate, chooseSelfSignedCertificate } from './certificate.ts';
import { crossCheck, remarks } from './cross-checks.ts';
import { fileRule, formatSavedAnswers, readAnswersFile, readSavedAnswers } from './documents.ts';
import { detectFacts, type Facts } from './facts.ts';
import type { Note } from './notes.ts';
import { choosePorts } from './ports.ts';
import type { Problem } from './problems.ts';
import { type Answers, questionKeys, questions } from './questions.ts';
import { chooseRelayKey } from './relay-key.ts';
import { completeAnswers, type Resolution, resolveAnswers } from './resolve.ts';

/** What a run is started with. */
export interface PrepareInput {
  flags: Partial<Record<string, string | true>>;
  environment: Record<string, string | undefined>;
  answersPath?: string | undefined;
  root: string;
  logLevel: RelayConfig['logLevel'];
  now: Date;
  facts?: Facts;
}

/** A plan that can be carried out as it is. */
export interface Prepared {
  ok: true;
  answers: Answers;
  layout: Layout;
  plan: ForegroundPlan;
  certificate: { mode: Answers['cert']; file: string; notAfter: Date; pin?: string };
  notes: Note[];
}

/** Everything that must be mended first. */
export interface Unprepared {
  ok: false;
  problems: Problem[];
}

/** In the order of the questions, so that the list reads like the command line's help; files come last. */
function inQuestionOrder(problems: readonly Problem[]): Problem[] {
  const flags: string[] = questionKeys.map((key) => questions[key].flag);
  const rank = ({ flag }: Problem) => (flag === undefined ? flags.length : flags.indexOf(flag));
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

async function chooseCertificate(
  answers: Answers,
  { given, unusable }: Resolution,
  layout: Layout,
  { environment, now }: PrepareInput,
): Promise<CertificateChoice> {
  const { cert, certFile, keyFile, host } = answers;
  const judgeable = !unusable.has('host') && !unusable.has('cert');
  if (!judgeable) return { notes: [], problems: [] };
  if (cert === 'self-signed') return chooseSelfSignedCertificate(host, layout, now);
  if (certFile === undefined || keyFile === undefined) return { notes: [], problems: [] };
  return chooseManualCertificate({ host, certFile, keyFile }, given, environment, now);
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

/** Resolves, checks and plans. Every problem is found before the first is told. */
export async function prepareForeground(input: PrepareInput): Promise<Prepared | Unprepared> {
  const { root, logLevel, facts = detectFacts() } = input;
  const layout = layoutBelow(root);
  const badRoot = await checkRoot(root);
  if (badRoot) return { ok: false, problems: [badRoot] };
  const saved = await readSavedAnswers(layout.config);
  const file = input.answersPath === undefined ? { problems: [] } : await readAnswersFile(input.answersPath);
  const resolution = resolveAnswers({
    flags: input.flags,
    environment: input.environment,
    ...(file.document && { answersFile: file.document }),
    ...(saved.document && { saved: saved.document }),
  });
  const { given } = resolution;
  const wanted = completeAnswers(given, facts);
  const { ports, ...portChoice } = await choosePorts(wanted, resolution);
  const answers = { ...wanted, ...ports };
  const certificateChoice = await chooseCertificate(answers, resolution, layout, input);
  const relayKey = await chooseRelayKey(layout.relayKey);
  const parts = [file, saved, resolution, { problems: crossCheck(answers, resolution) }, portChoice, certificateChoice];
  const problems = [...parts, relayKey].flatMap((part) => part.problems);
  const { certificate, notAfter } = certificateChoice;
  if (problems.length > 0 || !certificate || !notAfter) return { ok: false, problems: inQuestionOrder(problems) };

  const plan = foregroundPlan({
    layout,
    relay: answers,
    certificate,
    ...(relayKey.created !== undefined && { newRelayKey: relayKey.created }),
    home: answers.home,
    logLevel,
    savedAnswers: formatSavedAnswers(given),
  });
  const { certFile, pin } = certificate;
  return {
    ok: true,
    answers,
    layout,
    plan,
    certificate: { mode: answers.cert, file: certFile, notAfter, ...(pin !== undefined && { pin }) },
    notes: [...remarks(answers, given, layout.config), ...portChoice.notes, ...certificateChoice.notes],
  };
}
