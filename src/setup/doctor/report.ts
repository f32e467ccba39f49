/** One text file for a bug report: everything that was found out, without what nobody needs to know. */
import { RELAY_UNIT } from '../../deploy/layout.ts';
import { FileError, readText } from '../../system/files.ts';
import { describeMachine, type Machine } from '../../system/machine.ts';
import { readValue } from '../status/installed.ts';
import type { Judged } from './checks.ts';
import type { DoctorFacts } from './facts.ts';
import type { FixOutcome } from './fix.ts';
import { redactor } from './redact.ts';
import { relayLog } from './relay-log.ts';

/** What goes into the file. */
export interface ReportInput {
  facts: DoctorFacts;
  findings: readonly Judged[];
  outcomes: readonly FixOutcome[];
  machine: Machine;
  /** Files without secrets, by path. */
  files: ReadonlyMap<string, string>;
}

/** How each of these files begins, so that a later one may take its place. */
export const REPORT_BEGINNING = '== derp-setup report ==';
const TITLE = 'derp-setup report';

/** Lines of each journal that are kept. */
const JOURNAL_LINES = 300;

const section = (title: string, text: string) => `== ${title} ==\n${text.trimEnd() || '(nothing)'}\n`;
/** Names that people gave to nodes of their tailnet are nobody's business; their short keys say which is which. */
function withoutNames(this: unknown, field: string, value: unknown): unknown {
  const isNode = typeof this === 'object' && this !== null && ('key' in this || 'shortKey' in this);
  return isNode && field === 'name' ? undefined : value;
}

const json = (value: unknown) => JSON.stringify(value, withoutNames, 2) ?? '';
const jsonLines = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value, withoutNames)).join('\n');

/** The text of the file. Pure. */
export function reportText({ facts, findings, outcomes, machine, files }: ReportInput): string {
  const { units, installed, where, relay, now } = facts;
  const admission = readValue(installed.relay)?.admission;
  const redact = redactor({ host: where?.host, urls: admission?.url ? [admission.url.url] : [] });
  const { relayJournal: _, renewalJournal = [], ...states } = units ?? {};
  const { log: __, ...container } = facts.container ?? { log: [] };
  const { tailnet } = facts;
  const known = tailnet && { ...tailnet, relays: tailnet.relays?.length, nodes: tailnet.nodes.length };
  const versions = { own: __VERSION__, installed: installed.version, running: relay?.version, node: process.version };
  const sections = [
    section(TITLE, `${now.toISOString()}\n${json(versions)}\n${json(machine)}`),
    section('findings', jsonLines(findings)),
    section('mended', jsonLines(outcomes)),
    // Files and journals stand below; the map of a tailnet has a hundred relays of others.
    section(
      'facts',
      json({ ...facts, installed: { target: installed.target }, units: states, container, tailnet: known }),
    ),
    ...[...files].map(([path, text]) => section(path, text)),
    section('journal of the relay', relayLog(facts).slice(-JOURNAL_LINES).join('\n')),
    section('journal of the renewal', renewalJournal.slice(-JOURNAL_LINES).join('\n')),
  ];
  return redact(sections.join('\n'));
}

/** Gathers the rest, and makes the text. Files that this user may not read are left out. */
export async function makeReport(input: Omit<ReportInput, 'machine' | 'files'>): Promise<string> {
  const { layout } = input.facts.installed;
  const files = new Map<string, string>();
  // None of these holds a secret; keys and certificates are not among them.
  const described =
    input.facts.installed.target === 'compose'
      ? [layout.composeFile, layout.composeEnvironment]
      : [layout.unit(RELAY_UNIT)];
  for (const path of [layout.config, layout.relayConfig, layout.manifest, layout.derpMap, ...described]) {
    try {
      files.set(path, await readText(path));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      files.set(path, `(${error.reason})`);
    }
  }
  return reportText({ ...input, machine: await describeMachine(), files });
}
