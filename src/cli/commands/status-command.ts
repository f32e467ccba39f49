/** `derp-setup status`: how the installed relay is, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Layout } from '../../deploy/layout.ts';
import type { Problem, Rule } from '../../setup/answers/problems.ts';
import type { RelayCounters, Sample } from '../../setup/status/counters.ts';
import { gatherStatus } from '../../setup/status/gather.ts';
import { type Status, statusOf } from '../../setup/status/status.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { findInstallation, readPlaces } from '../installation-option.ts';
import { watchInterruption } from '../interruption.ts';
import { failureReason, statusLines, watchLine } from '../lines/status-lines.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';

/** How often --watch looks, milliseconds. */
const WATCH_INTERVAL_MS = 2000;

/** What mends it differs by what the authority said. */
function codeOf(rule: Rule | undefined): string | undefined {
  return rule?.code === 'authority' ? rule.reason : rule?.code;
}

/** The document of --json: the status with the words for what is missing. */
function statusDocument(status: Status, messages: Session['messages']): object {
  const { status: words } = messages;
  const { renewal } = status;
  const shortcomings = status.shortcomings.map((code) => {
    const { text, remedy } = words.shortcomings[code];
    return { code, message: text, remedy };
  });
  if (!renewal?.failure) return { ...status, shortcomings };
  const { at, next, isDue, problem } = renewal.failure;
  const message = failureReason(renewal.failure, messages);
  const failure = { at, code: codeOf(problem?.rule), message, isDue, next };
  return { ...status, renewal: { ...renewal, failure }, shortcomings };
}

const exitCode = ({ ok }: Status) => (ok ? EXIT.done : EXIT.unverified);

function tell(status: Status, { output, messages }: Session): void {
  for (const line of statusLines(status, messages, output.paint, new Date(), output.width)) output.answer(line);
  output.document(statusDocument(status, messages));
}

/** Packets that were dropped, whatever the reason. */
const droppedIn = (counters: RelayCounters | undefined) =>
  Object.values(counters?.drops ?? {}).reduce((sum, packets) => sum + packets, 0);

/** Looks again and again until it is interrupted, which is how it is meant to end. */
async function watch(layout: Layout, session: Session): Promise<number> {
  const { output, messages } = session;
  const interruption = watchInterruption();
  const { signal } = interruption;
  let before: Sample | undefined;
  let code: number = EXIT.unverified;
  try {
    while (!signal.aborted) {
      const { facts, sample } = await gatherStatus(layout, before, signal);
      const status = statusOf(facts);
      code = exitCode(status);
      const dropped = Math.max(0, droppedIn(sample.counters) - droppedIn(before?.counters));
      if (output.repaints) output.repaint(statusLines(status, messages, output.paint, facts.now, output.width));
      else output.answer(watchLine(status, messages, before === undefined ? 0 : dropped, facts.now));
      before = sample;
      await delay(WATCH_INTERVAL_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    interruption.release();
  }
  return code;
}

/** Runs the command; resolves to its exit code: 0 when the relay serves, 3 when it does not, 1 when there is none. */
export async function statusCommand(
  flags: Flags,
  _words: readonly string[],
  usageProblems: readonly Problem[],
  session: Session,
): Promise<number> {
  const problems = [...usageProblems];
  const places = readPlaces(flags, session.environment, problems);
  // One document is the answer of --json, and --watch has no end.
  if (flags.watch === true && session.output.json) {
    problems.push({ subject: '--watch', flag: '--watch', rule: { code: 'not-with', flag: '--json' } });
  }
  if (problems.length > 0) {
    tellProblems(problems, session.output, session.messages);
    return EXIT.badInput;
  }
  const layout = await findInstallation(places, session);
  if (typeof layout === 'number') return layout;
  if (flags.watch === true) return watch(layout, session);
  const { facts } = await gatherStatus(layout);
  const status = statusOf(facts);
  tell(status, session);
  return exitCode(status);
}
