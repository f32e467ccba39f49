/** The end of a run of `setup`, for people: what works, what to paste, what was done, and what to do next. */
import { dirname } from 'node:path';
import type { ChalkInstance } from 'chalk';
import { policySnippet } from '../../derp-map/region.ts';
import type { CheckData } from '../../probe/check.ts';
import { formatMs } from '../../probe/latency.ts';
import type { Messages } from '../messages/en.ts';
import { portList, probeCommand, type SetupResult } from '../setup-report.ts';
import { joinParts, lineWidth, wrapText } from './columns.ts';
import { formatDay, formatTime } from './figures.ts';
import { displayWidth, padTo } from './text.ts';

/** How lines are drawn. */
export interface ReportStyle {
  paint: ChalkInstance;
  /** Columns of the terminal; lines are as long as they are where there is none. */
  columns?: number | undefined;
}

const INDENT = '  ';
const GAP = 3;

function headline({ checks, ok }: SetupResult, { report }: Messages, paint: ChalkInstance): string {
  if (!ok) return `${paint.red('✖')} ${report.doubtful(checks.filter(({ status }) => status === 'failed').length)}`;
  const data = checks.find(({ id }) => id === 'relay')?.data as CheckData['relay'] | undefined;
  const works =
    data?.medianMs === undefined
      ? report.works
      : report.worksWith(data.sent - data.lost, data.sent, formatMs(data.medianMs));
  return `${paint.green('✔')} ${works}`;
}

/** What to paste, and where. Its lines are never broken: people copy them. */
function pasteLines({ prepared }: SetupResult, { report }: Messages): string[] {
  const snippet = policySnippet(prepared.plan.derpMap).split('\n');
  return [
    report.paste,
    '',
    ...snippet.map((line) => INDENT + line),
    '',
    ...(prepared.certificate.pin === undefined ? [] : [report.pinVersion, '']),
  ];
}

/** Each directory with what was written in it. */
function writtenTexts({ written, prepared }: SetupResult, { plan }: Messages): string[] {
  const programs = prepared.preview.flatMap(({ step }) => (step.kind === 'programs' ? [step.path] : []));
  const byDirectory = new Map<string, string[]>();
  for (const path of written) byDirectory.set(dirname(path), [...(byDirectory.get(dirname(path)) ?? []), path]);
  const files = [...byDirectory].map(([directory, paths]) =>
    paths.length === 1 ? paths[0]! : plan.filesIn(plan.files(paths.length), directory),
  );
  return [...programs, ...files];
}

/** A fact with its name in front. */
interface Row {
  label: string;
  lines: readonly string[];
  /** The lines are parts, which are not broken. */
  list?: boolean;
}

const SEPARATOR = ' · ';

function factRows(result: SetupResult, messages: Messages): Row[] {
  const { report } = messages;
  const { certificate, layout, noStart } = result.prepared;
  const written = writtenTexts(result, messages);
  const { notAfter } = certificate;
  const until = notAfter === undefined ? messages.certificates.later : formatDay(notAfter);
  const renewal = result.renewal === undefined ? [] : [report.renewal(formatTime(result.renewal), certificate.mode)];
  const { labels } = report;
  return [
    { label: labels.headscale, lines: [report.headscaleFile(layout.headscaleMap)] },
    {
      label: labels.certificate,
      lines: [report.certificateUntil(until, certificate.file), ...renewal],
    },
    ...(written.length === 0 ? [] : [{ label: labels.written, lines: written, list: true }]),
    ...(noStart ? [] : [{ label: labels.ports, lines: [report.securityGroup(portList(result.ports))] }]),
  ];
}

function rowLines(rows: readonly Row[], { paint, columns }: ReportStyle): string[] {
  const width = Math.max(...rows.map(({ label }) => displayWidth(label)));
  const indent = INDENT.length + width + GAP;
  const room = columns === undefined ? Number.POSITIVE_INFINITY : lineWidth(columns) - indent;
  return rows.flatMap(({ label, lines, list = false }) =>
    (list ? joinParts(lines, SEPARATOR, room) : lines.flatMap((line) => wrapText(line, room))).map(
      (line, at) => paint.dim(padTo(at === 0 ? INDENT + label : '', indent)) + line,
    ),
  );
}

/** Commands below what they are for, with what they show beside them. */
function commandLines(commands: readonly (readonly [string, string])[], { paint }: ReportStyle): string[] {
  const width = Math.max(...commands.map(([command]) => command.length));
  return commands.map(([command, meaning]) =>
    `${INDENT}${paint.cyan(meaning === '' ? command : padTo(command, width + GAP))}${paint.dim(meaning)}`.trimEnd(),
  );
}

/** The report of an installation that stays, line by line. */
export function installReportLines(result: SetupResult, messages: Messages, style: ReportStyle): string[] {
  const { report } = messages;
  const { noStart, answers } = result.prepared;
  const facts = rowLines(factRows(result, messages), style);
  if (noStart) {
    const start = commandLines([['derp-setup --yes', '']], style);
    return [report.notStarted, '', ...pasteLines(result, messages), ...facts, '', report.startIt, ...start];
  }
  const { here } = report;
  return [
    headline(result, messages, style.paint),
    '',
    ...pasteLines(result, messages),
    ...facts,
    '',
    report.tryIt,
    ...commandLines([[probeCommand(result), '']], style),
    report.onClient,
    ...commandLines([['tailscale netcheck', report.netcheck(answers.regionCode)]], style),
    report.onThisMachine,
    ...commandLines(
      [
        ['derp-setup status', here.status],
        ['derp-setup doctor', here.doctor],
        ['derp-setup uninstall', here.uninstall],
      ],
      style,
    ),
  ];
}

/** The report of a relay in the foreground, line by line. */
export function foregroundReportLines(result: SetupResult, messages: Messages, style: ReportStyle): string[] {
  return [
    headline(result, messages, style.paint),
    '',
    ...pasteLines(result, messages),
    ...rowLines(
      factRows(result, messages).filter(({ label }) => label !== messages.report.labels.written),
      style,
    ),
    '',
    messages.report.tryIt,
    ...commandLines([[probeCommand(result), '']], style),
  ];
}
