/** What a run of `setup` came to, and how programs are told; for people see report-lines.ts. */
import { formatVerification } from '../deploy/verification.ts';
import type { Check } from '../probe/check.ts';
import type { Relay } from '../relay/relay.ts';
import { formatAddressChoice } from '../setup/access/address-source.ts';
import { formatClientRateChoice } from '../setup/access/client-rate.ts';
import type { Answers } from '../setup/answers/questions.ts';
import type { Prepared } from '../setup/prepare.ts';
import { subjectOf } from '../setup/steps/handlers.ts';
import { noteText } from './lines/note-lines.ts';
import type { Messages } from './messages/en.ts';

/** Everything that is reported. */
export interface SetupResult {
  prepared: Prepared;
  ports: Relay['ports'];
  checks: readonly Check[];
  ok: boolean;
  /** Paths of the files that were written. */
  written: readonly string[];
  /** When the certificate is looked at next, where something does that. */
  renewal?: Date | undefined;
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

/** Who may reach the relay, and how fast a client may send, as the flags spell it; nothing where nothing is limited. */
function limitsDocument({ allowCidr, denyCidr, clientRate }: Answers): object {
  return {
    ...(allowCidr !== undefined && { allowCidr: formatAddressChoice(allowCidr) }),
    ...(denyCidr !== undefined && { denyCidr: formatAddressChoice(denyCidr) }),
    ...(clientRate !== undefined && { clientRate: formatClientRateChoice(clientRate) }),
  };
}

/** The certificate in the one document; null as long as there is none. */
function certificateDocument({ certificate }: Prepared): object {
  return { ...certificate, notAfter: certificate.notAfter?.toISOString() ?? null };
}

/** The one document of --json. Fields are added over time, never taken away. */
export function reportDocument(result: SetupResult, messages: Messages): object {
  const { answers, layout, notes, plan } = result.prepared;
  return {
    ok: result.ok,
    version: __VERSION__,
    host: answers.host,
    ports: result.ports,
    deploy: answers.deploy,
    verify: answers.verify && formatVerification(answers.verify),
    ...limitsDocument(answers),
    certificate: certificateDocument(result.prepared),
    ...(result.renewal && { renewal: { next: result.renewal.toISOString() } }),
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
  const { answers, layout, notes, plan } = prepared;
  return {
    ok: true,
    dryRun: true,
    version: __VERSION__,
    host: answers.host,
    ports: { derp: answers.derpPort, http: answers.httpPort, stun: answers.stunPort },
    deploy: answers.deploy,
    verify: answers.verify && formatVerification(answers.verify),
    ...limitsDocument(answers),
    certificate: certificateDocument(prepared),
    derpMap: plan.derpMap,
    files: { root: layout.root },
    plan: planDocument(prepared),
    notes: notes.map((note) => ({ ...note, message: noteText(note, messages) })),
  };
}
