/** What a run of `setup` answers in the end, for people and for programs. */
import { RELAY_UNIT } from '../deploy/layout.ts';
import { formatVerification } from '../deploy/verification.ts';
import { policySnippet } from '../derp-map/region.ts';
import type { Check, CheckData } from '../probe/check.ts';
import { formatMs } from '../probe/latency.ts';
import type { Relay } from '../relay/relay.ts';
import type { Prepared } from '../setup/prepare.ts';
import { subjectOf } from '../setup/steps/handlers.ts';
import type { Messages } from './messages/en.ts';
import { noteText } from './note-lines.ts';

/** Everything that is reported. */
export interface SetupResult {
  prepared: Prepared;
  ports: Relay['ports'];
  checks: readonly Check[];
  ok: boolean;
  /** Paths of the files that were written. */
  written: readonly string[];
}

/** The ports that must be let in, `8443/tcp, 3478/udp`. */
export function portList({ derp, http, stun }: Relay['ports']): string {
  const list = [`${derp}/tcp`, ...(http > 0 ? [`${http}/tcp`] : []), ...(stun > 0 ? [`${stun}/udp`] : [])];
  return list.join(', ');
}

/** The command that checks this relay from another machine. */
export function probeCommand({ prepared, ports }: SetupResult): string {
  const { answers, certificate } = prepared;
  const flags = [
    ...(ports.derp === 443 ? [] : [`--derp-port ${ports.derp}`]),
    ...(ports.stun === 3478 ? [] : [`--stun-port ${ports.stun}`]),
    ...(ports.http === 80 ? [] : [`--http-port ${ports.http}`]),
    ...(certificate.pin === undefined ? [] : [`--pin ${certificate.pin}`]),
  ];
  return ['npx derp-setup probe', answers.host, ...flags].join(' ');
}

function headline({ checks, ok }: SetupResult, { report }: Messages): string {
  if (!ok) return report.doubtful(checks.filter(({ status }) => status === 'failed').length);
  const data = checks.find(({ id }) => id === 'relay')?.data as CheckData['relay'] | undefined;
  if (data?.medianMs === undefined) return report.works;
  return report.worksWith(data.sent - data.lost, data.sent, formatMs(data.medianMs));
}

/** What to paste, and where. */
function pasteLines({ prepared }: SetupResult, { report }: Messages): string[] {
  const { plan, layout, certificate } = prepared;
  const snippet = policySnippet(plan.derpMap).split('\n');
  return [
    report.paste,
    '',
    ...snippet.map((line) => `  ${line}`),
    '',
    ...(certificate.pin === undefined ? [] : [report.pinVersion]),
    report.headscale(layout.headscaleMap),
  ];
}

function certificateLine({ prepared: { certificate } }: SetupResult, { report }: Messages): string {
  return report.certificateUntil(certificate.notAfter.toISOString().slice(0, 10), certificate.file);
}

/** The report of an installation that stays, line by line. */
export function installReportLines(result: SetupResult, messages: Messages): string[] {
  const { report } = messages;
  const { noStart, answers } = result.prepared;
  if (noStart) {
    return [report.notStarted, '', ...pasteLines(result, messages), report.startIt(RELAY_UNIT)];
  }
  return [
    headline(result, messages),
    '',
    ...pasteLines(result, messages),
    certificateLine(result, messages),
    '',
    report.securityGroup(portList(result.ports)),
    report.tryIt(probeCommand(result)),
    report.netcheck(answers.regionCode),
    '',
    report.status,
  ];
}

/** The report of a relay in the foreground, line by line. */
export function reportLines(result: SetupResult, messages: Messages): string[] {
  const { report } = messages;
  return [
    headline(result, messages),
    '',
    ...pasteLines(result, messages),
    certificateLine(result, messages),
    report.firewall(portList(result.ports)),
    report.tryIt(probeCommand(result)),
  ];
}

/** The one document of --json. Fields are added over time, never taken away. */
export function reportDocument(result: SetupResult, messages: Messages): object {
  const { answers, certificate, layout, notes, plan } = result.prepared;
  return {
    ok: result.ok,
    version: __VERSION__,
    host: answers.host,
    ports: result.ports,
    deploy: answers.deploy,
    verify: answers.verify && formatVerification(answers.verify),
    certificate: { ...certificate, notAfter: certificate.notAfter.toISOString() },
    verification: { ok: result.ok, checks: result.checks },
    derpMap: plan.derpMap,
    files: {
      root: layout.root,
      relayKey: layout.relayKey,
      derpMap: layout.derpMap,
      headscale: layout.headscaleMap,
      config: layout.config,
      written: result.written,
    },
    plan: planDocument(result.prepared),
    notes: notes.map((note) => ({ ...note, message: noteText(note, messages) })),
    probe: probeCommand(result),
  };
}

/** The steps that had, or have, something to do. Secrets are never among their texts. */
function planDocument({ preview }: Prepared): object[] {
  return preview.map(({ step, finding: { change, before, after, details } }) => ({
    kind: step.kind,
    subject: subjectOf(step),
    change,
    ...(details && { details }),
    ...(after !== undefined && { before: before ?? '', after }),
  }));
}

/** The one document of --json with --dry-run. */
export function dryRunDocument(prepared: Prepared, messages: Messages): object {
  const { answers, certificate, layout, notes, plan } = prepared;
  return {
    ok: true,
    dryRun: true,
    version: __VERSION__,
    host: answers.host,
    ports: { derp: answers.derpPort, http: answers.httpPort, stun: answers.stunPort },
    deploy: answers.deploy,
    verify: answers.verify && formatVerification(answers.verify),
    certificate: { ...certificate, notAfter: certificate.notAfter.toISOString() },
    derpMap: plan.derpMap,
    files: { root: layout.root },
    plan: planDocument(prepared),
    notes: notes.map((note) => ({ ...note, message: noteText(note, messages) })),
  };
}
