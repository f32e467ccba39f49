/** `derp-setup doctor`: looks for everything that is known to go wrong, says how to mend it, and mends what it may. */
import { resolve } from 'node:path';
import type { Layout } from '../../deploy/layout.ts';
import { fileRule } from '../../setup/answers/documents.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import type { Judged } from '../../setup/doctor/checks.ts';
import { examine } from '../../setup/doctor/examine.ts';
import type { DoctorFacts } from '../../setup/doctor/facts.ts';
import { applyFixes, type FixOutcome, plannedFixes } from '../../setup/doctor/fix.ts';
import { makeReport, REPORT_BEGINNING } from '../../setup/doctor/report.ts';
import { FileError, writeFileAtomic } from '../../system/files.ts';
import { readBeginning } from '../../system/inspect.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { findInstallation, readPlaces } from '../installation-option.ts';
import { watchInterruption } from '../interruption.ts';
import { findingDocument, findingLines, inReadingOrder } from '../lines/doctor-lines.ts';
import { whileLocked } from '../locked.ts';
import { tellProblems, wordingOf } from '../problem-list.ts';
import type { Session } from '../session.ts';

/** For the owner alone: what looks harmless to a program may not be. */
const REPORT_MODE = 0o600;

/** What the doctor was asked to do beside looking. */
interface Requests {
  fix: boolean;
  openFirewall: boolean;
  report: string | undefined;
}

function readRequests(flags: Flags, problems: Problem[]): Requests {
  const { report } = flags;
  if (report === true || report === '') {
    problems.push({ subject: '--report', flag: '--report', rule: { code: 'missing-value' } });
  }
  const fix = flags.fix === true;
  const openFirewall = flags.openFirewall === true;
  if (openFirewall && !fix) {
    problems.push({ subject: '--open-firewall', flag: '--open-firewall', rule: { code: 'needs', flags: ['--fix'] } });
  }
  return { fix, openFirewall, report: typeof report === 'string' ? resolve(report) : undefined };
}

/** A visit, and what became of it. */
interface Visit {
  facts: DoctorFacts;
  findings: Judged[];
  outcomes: FixOutcome[];
}

async function visit(layout: Layout, requests: Requests, session: Session, signal: AbortSignal): Promise<Visit> {
  const { output, messages, environment } = session;
  const input = { layout, environment, signal };
  output.busy(messages.doctor.looking);
  const first = await examine(input);
  const fixes = requests.fix ? plannedFixes(first.findings, requests) : [];
  if (fixes.length === 0) return { ...first, outcomes: [] };
  output.busy(messages.doctor.fixing);
  const outcomes = await applyFixes(fixes, first.facts);
  output.busy(messages.doctor.looking);
  // Only a second look shows what that was good for.
  return { ...(await examine(input)), outcomes };
}

function tellOutcomes(outcomes: readonly FixOutcome[], { output, messages }: Session): void {
  const { fixed, notFixed } = messages.doctor;
  const { paint } = output;
  for (const { fix, detail } of outcomes) {
    if (detail !== undefined) output.error(`  ${output.paintError.red('✖')} ${notFixed(fix, detail)}`);
    else output.answer(`  ${paint.green('✔')} ${fixed(fix)}`);
  }
  if (outcomes.length > 0) output.answer('');
}

function tellSummary(findings: readonly Judged[], requests: Requests, { output, messages }: Session): void {
  const { allGood, canFix, canReport, toMend, warnings } = messages.doctor;
  const count = (level: Judged['level']) => findings.filter((finding) => finding.level === level).length;
  if (count('failed') > 0) output.progress(toMend(count('failed'), count('warning')));
  else output.progress(count('warning') > 0 ? warnings(count('warning')) : allGood);
  const fixable = plannedFixes(findings, { openFirewall: false }).length;
  if (!requests.fix && fixable > 0) output.progress(canFix(fixable));
  if (requests.report === undefined && count('failed') > 0) output.progress(canReport);
}

/**
 * Whether a report may be put at this path: where nothing is, or an earlier report. It is root who writes, so anything
 * else (a link that somebody left there, a device) stays as it is. What is in the way was then told.
 */
async function mayReportTo(path: string, { output, messages }: Session): Promise<boolean> {
  const { reportTaken, reportElsewhere } = messages.doctor;
  const taken = (rule: string, remedy?: string) => {
    output.idle();
    output.error(`derp-setup: ${rule}`);
    if (remedy !== undefined) output.error(`  → ${remedy}`);
    output.document({ ok: false, problems: [{ code: 'report-not-written', rule, ...(remedy && { remedy }) }] });
    return false;
  };
  try {
    const found = await readBeginning(path, REPORT_BEGINNING.length);
    if (found === 'missing' || (found !== 'other' && found.text === REPORT_BEGINNING)) return true;
    return taken(reportTaken(path), reportElsewhere);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return taken(messages.doctor.notReported(path, wordingOf(fileRule(error), messages).rule));
  }
}

/** Writes the report; false when that fails, which was then told. */
async function writeReport(path: string, found: Visit, { output, messages }: Session): Promise<boolean> {
  const { notReported, reported } = messages.doctor;
  try {
    await writeFileAtomic(path, await makeReport(found), { mode: REPORT_MODE });
    output.progress(reported(path));
    return true;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    output.error(`derp-setup: ${notReported(path, wordingOf(fileRule(error), messages).rule)}`);
    return false;
  }
}

async function run(layout: Layout, requests: Requests, session: Session, signal: AbortSignal): Promise<number> {
  const { output, messages } = session;
  const found = await visit(layout, requests, session, signal);
  output.idle();
  const { findings, outcomes, facts } = found;
  tellOutcomes(outcomes, session);
  for (const finding of inReadingOrder(findings)) {
    if (output.quiet && finding.level === 'ok') continue;
    for (const line of findingLines(finding, messages, output.paint, output.width)) output.answer(line);
  }
  tellSummary(findings, requests, session);
  const reported = requests.report === undefined || (await writeReport(requests.report, found, session));
  const failed =
    findings.some(({ level }) => level === 'failed') || outcomes.some(({ detail }) => detail !== undefined);
  output.document({
    ok: !failed,
    host: facts.where?.host,
    findings: findings.map((finding) => findingDocument(finding, messages)),
    fixed: outcomes.map(({ fix, detail }) => ({ ...fix, ok: detail === undefined, ...(detail && { detail }) })),
    ...(requests.report !== undefined && reported && { report: requests.report }),
  });
  return failed || !reported ? EXIT.failed : EXIT.done;
}

/** Runs the command; resolves to its exit code: 0 when nothing failed, 1 when something did, 2 for bad usage. */
export async function doctorCommand(
  flags: Flags,
  _words: readonly string[],
  usageProblems: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages, environment } = session;
  const problems = [...usageProblems];
  const places = readPlaces(flags, environment, problems);
  const requests = readRequests(flags, problems);
  if (problems.length > 0) {
    tellProblems(problems, output, messages);
    return EXIT.badInput;
  }
  const layout = await findInstallation(places, session);
  if (typeof layout === 'number') return layout;
  if (requests.fix && layout.root === '/' && process.getuid?.() !== 0) {
    tellProblems([{ subject: '--fix', flag: '--fix', rule: { code: 'needs-root' } }], output, messages);
    return EXIT.badInput;
  }
  if (requests.report !== undefined && !(await mayReportTo(requests.report, session))) return EXIT.badInput;
  const interruption = watchInterruption();
  try {
    const work = () => run(layout, requests, session, interruption.signal);
    return requests.fix ? await whileLocked(layout.root, session, work) : await work();
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    output.idle();
    output.error(messages.report.interrupted);
    output.document({ ok: false, problems: [{ code: 'interrupted', rule: messages.report.interrupted }] });
    return EXIT.interrupted;
  } finally {
    output.idle();
    interruption.release();
  }
}
