/**
 * From what the user said to a plan, or to the list of everything that is wrong. Reads, binds ports for a moment, and
 * changes nothing.
 */

import { openingsOf } from '../deploy/installed-files.ts';
import type { Layout } from '../deploy/layout.ts';
import type { Manifest } from '../deploy/manifest.ts';
import type { Plan } from '../deploy/plan.ts';
import type { Step } from '../deploy/steps.ts';
import { isInstalledTarget, runsAsUnit } from '../deploy/target.ts';
import { FileError } from '../system/files.ts';
import { checkAddressLists } from './access/address-check.ts';
import { chosenSource } from './access/address-source.ts';
import { chosenRate } from './access/client-rate.ts';
import { crossCheck, remarks } from './answers/cross-checks.ts';
import { fileRule, formatAllAnswers, formatGivenAnswers } from './answers/documents.ts';
import type { Note } from './answers/notes.ts';
import type { Problem } from './answers/problems.ts';
import { type Answers, questionKeys, questions } from './answers/questions.ts';
import { type PrepareInput, type Resolved, resolveSetup } from './answers/resolved.ts';
import {
  type CertificateChoice,
  chooseManualCertificate,
  chooseSelfSignedCertificate,
  chooseTakenCertificate,
} from './certificate/certificate.ts';
import { chooseOrderedCertificate } from './certificate/order.ts';
import { keptCertificate } from './derper/taken-answers.ts';
import type { Facts } from './facts.ts';
import { chooseFirewall } from './firewall-choice.ts';
import { writtenFiles } from './installation.ts';
import { chooseSharedPort } from './nginx/share.ts';
import { choosePorts, type PortChoice, type PortPolicy } from './ports.ts';
import { type PreviewedStep, previewSteps, type RunFacts } from './preview.ts';
import { chooseProverKeys, chooseRelayKey } from './relay-key.ts';
import { checkRoom } from './room.ts';
import { checkTarget, type PlanParts, planFor, portPolicy } from './targets.ts';
import { isUnfinished } from './unfinished.ts';
import { checkVerification } from './verification-check.ts';

/** A plan that can be carried out as it is. */
export interface Prepared {
  ok: true;
  answers: Answers;
  layout: Layout;
  plan: Plan;
  /** The steps of the plan that have something to do. */
  preview: PreviewedStep[];
  /** What those steps must know. */
  runFacts: RunFacts;
  facts: Facts;
  /** Nothing is started, because that was asked for, or because the files are another machine's. */
  noStart: boolean;
  /** The installation that this one changes. */
  manifest: Manifest | undefined;
  /** `notAfter` is known once there is a certificate: one that is ordered has none before. */
  certificate: { mode: Answers['cert']; file: string; notAfter: Date | undefined; pin?: string };
  notes: Note[];
}

/** Everything that must be mended first. */
export interface Unprepared {
  ok: false;
  problems: Problem[];
  /** What a hand-edited file would become. */
  edited?: PreviewedStep[];
  /** What could be written by hand where it is not done by itself. */
  byHand?: PreviewedStep[];
}

/** In the order of the questions, so that the list reads like the command line's help; files come last. */
function inQuestionOrder(problems: readonly Problem[]): Problem[] {
  const flags: string[] = questionKeys.map((key) => questions[key].flag);
  const rank = ({ flag }: Problem) => (flag === undefined ? flags.length : flags.indexOf(flag));
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

/** Which remedy there is for a file that was changed by hand. */
function editedKind(step: Step): 'unit' | 'compose' | 'other' {
  const purpose = step.kind === 'file' ? step.purpose : undefined;
  return purpose === 'unit' || purpose === 'compose' ? purpose : 'other';
}

async function chooseCertificate(
  answers: Answers,
  { resolution: { given, unusable }, layout, taken, facts, manifest }: Resolved,
  { environment, now, made, switches, signal }: PrepareInput,
  { ports, front, policy }: Pick<PortChoice, 'ports' | 'front'> & { policy: PortPolicy },
): Promise<CertificateChoice> {
  const { cert, certFile, keyFile, host, deploy } = answers;
  const judgeable = !unusable.has('host') && !unusable.has('cert');
  if (!judgeable) return { notes: [], problems: [] };
  const copied = given.certFile?.source === 'derper' ? taken?.certificate : undefined;
  if (copied !== undefined && copied.files === undefined && certFile !== undefined && keyFile !== undefined) {
    return chooseTakenCertificate(copied, { certFile, keyFile }, environment);
  }
  if (cert === 'letsencrypt') {
    if (unusable.has('acmeDirectory') || unusable.has('acmeChallenge')) return { notes: [], problems: [] };
    // What an installation of ours has is newer than what a derper beside it has.
    const kept = manifest === undefined ? keptCertificate(taken, answers, now) : undefined;
    const files = { certFile: layout.certificate(host), keyFile: layout.certificateKey(host) };
    if (kept !== undefined) return chooseTakenCertificate(kept, files, environment);
    const starts = !switches.noStart && (layout.root === '/' || !isInstalledTarget(deploy));
    const hasItsManager = runsAsUnit(deploy)
      ? facts.machine.systemd !== undefined
      : deploy !== 'compose' || facts.docker?.usable === true;
    const isRunnable = !isInstalledTarget(deploy) || (facts.machine.isRoot && hasItsManager);
    const use = {
      environment,
      now,
      signal,
      starts,
      judges: isRunnable,
      makesWay: policy.makesWay,
      frontPending: front?.pending ?? false,
    };
    return chooseOrderedCertificate({ ...answers, ...ports }, given, layout, use);
  }
  if (cert === 'self-signed') return chooseSelfSignedCertificate(host, layout, now, made);
  if (certFile === undefined || unusable.has('keyFile')) return { notes: [], problems: [] };
  const use = { environment, now, copied: isInstalledTarget(deploy), layout };
  return chooseManualCertificate({ host, certFile, keyFile }, given, use);
}

/**
 * Resolves, checks, plans, and looks at what the plan would change. Every problem is found before the first is told; only
 * what cannot even be looked at ends that at once.
 */
export async function prepareSetup(input: PrepareInput): Promise<Prepared | Unprepared> {
  try {
    return await prepare(input);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { ok: false, problems: [{ subject: error.path, rule: fileRule(error) }] };
  }
}

async function prepare(input: PrepareInput): Promise<Prepared | Unprepared> {
  const resolved = await resolveSetup(input);
  const { facts, layout, resolution, manifest } = resolved;
  if (resolved.problems.some(({ flag }) => flag === '--root')) return { ok: false, problems: resolved.problems };
  const target = await checkTarget(resolved, input.switches);
  const policy = await portPolicy(resolved, input.switches);
  const { ports, front, ...portChoice } = await choosePorts(resolved.answers, resolution, policy);
  const settled = { ...resolved.answers, ...ports };
  const shared = await chooseSharedPort({ ...resolved, answers: settled }, input.switches);
  const answers = { ...settled, ...shared.ports };
  const certificateChoice = await chooseCertificate(answers, resolved, input, {
    ports,
    policy,
    ...(front && { front }),
  });
  const relayKey = await chooseRelayKey(layout.relayKey, resolved.taken?.relayKey?.keyFile());
  const verify = answers.verify ?? { kind: 'none' };
  const proverKeys = verify.kind === 'none' ? { problems: [] } : await chooseProverKeys(layout.proverKeys);
  const isInstalled = isInstalledTarget(answers.deploy);
  const onMachine = layout.root === '/' || !isInstalled;
  const admission = await checkVerification(answers.verify, {
    asService: isInstalled,
    onMachine,
  });
  const noStart = input.switches.noStart || !onMachine;
  const firewall = chooseFirewall({
    facts,
    manifest,
    serves: isInstalled && !noStart,
    openings: openingsOf(answers),
    openFirewall: input.switches.openFirewall,
  });
  const lists = await checkAddressLists(answers, resolution.given, { asService: isInstalled });
  const contradictions = { problems: [...crossCheck(answers, resolution), ...admission, ...lists] };
  const others = [target, contradictions, portChoice, shared, relayKey, proverKeys, firewall];
  // A certificate must not end because something else is amiss.
  const parts = [resolved, certificateChoice, ...(input.certificateOnly ? [] : others)];
  const problems = parts.flatMap((part) => part.problems);
  const { certificate, notAfter } = certificateChoice;
  if (problems.length > 0 || !certificate) {
    return { ok: false, problems: inQuestionOrder(problems), ...(shared.byHand && { byHand: shared.byHand }) };
  }

  const planParts: PlanParts = {
    input: {
      layout,
      relay: answers,
      certificate,
      ...(relayKey.created !== undefined && { newRelayKey: relayKey.created }),
      home: answers.home,
      logLevel: input.logLevel,
      verify,
      access: {
        allowCidr: chosenSource(answers.allowCidr),
        denyCidr: chosenSource(answers.denyCidr),
        clientRate: chosenRate(answers.clientRate),
      },
      ...((front || shared.front) && {
        front: { ...(front && { httpPort: front.relayPort }), ...shared.front },
      }),
      ...('prover' in proverKeys && { prover: proverKeys.prover }),
      savedAnswers: isInstalled ? formatAllAnswers(answers) : formatGivenAnswers(resolution.given),
    },
    ...('created' in proverKeys && { newProverKeys: proverKeys.created }),
    answers,
    facts,
    manifest,
    noStart,
    switches: input.switches,
    firewall,
    ...(front && { httpFront: front }),
    sharing: shared.change,
  };
  const planned = await planFor(planParts);
  const probe = target.provedHere ? { ...planned.probe, addresses: ['127.0.0.1'] } : planned.probe;
  const plan: Plan = { ...planned, probe };
  const derper = input.switches.takeOver ? facts.derper : undefined;
  const unfinished = onMachine && (await isUnfinished());
  const runFacts: RunFacts = { onMachine, written: writtenFiles(manifest, layout.root), derper, unfinished };
  const preview = await previewSteps(plan.steps, runFacts, input.signal);
  const edited = preview.filter(({ finding }) => finding.editedByHand === true);
  if (edited.length > 0 && !input.switches.overwrite) {
    const problemOf = ({ step }: PreviewedStep): Problem => ({
      subject: 'path' in step ? step.path : step.kind,
      rule: { code: 'edited-by-hand', kind: editedKind(step) },
    });
    return { ok: false, problems: edited.map(problemOf), edited };
  }
  const full = isInstalled ? await checkRoom(preview) : [];
  if (full.length > 0) return { ok: false, problems: full };
  const { pin } = certificate;
  const file = isInstalled ? layout.certificate(answers.host) : certificate.certFile;
  return {
    ok: true,
    answers,
    layout,
    plan,
    preview,
    runFacts,
    facts,
    noStart,
    manifest,
    certificate: { mode: answers.cert, file, notAfter, ...(pin !== undefined && { pin }) },
    notes: [
      ...remarks(answers, resolution.given, layout.config),
      ...target.notes,
      ...portChoice.notes,
      ...shared.notes,
      ...certificateChoice.notes,
      ...firewall.notes,
    ],
  };
}
