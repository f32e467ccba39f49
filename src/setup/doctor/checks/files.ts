/** The files that describe the installation: there, readable, and of one mind. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import { formatVerification, type Verification } from '../../../deploy/verification.ts';
import type { AddressSource, AdmissionRules } from '../../../relay/config.ts';
import { type AddressChoice, chosenSource, formatAddressChoice } from '../../access/address-source.ts';
import type { Problem } from '../../answers/problems.ts';
import type { QuestionKey } from '../../answers/questions.ts';
import type { Installed, Reading, RelaySettings } from '../../status/installed.ts';
import { readValue } from '../../status/installed.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

/** What this user may not read is no fault of the file's. */
function mayBeDenied({ rule }: Problem, isRoot: boolean): boolean {
  return !isRoot && rule.code === 'file' && rule.problem === 'denied';
}

function judgeReading(reading: Reading<unknown>, isRoot: boolean): Finding[] {
  switch (reading.state) {
    case 'read':
      return [];
    case 'missing':
      return [failed('file-missing', { path: reading.path })];
    case 'damaged':
      return [failed('file-damaged', { path: reading.path })];
    case 'bad':
      return mayBeDenied(reading.problem, isRoot) ? [] : [failed('file-unusable', { problem: reading.problem })];
  }
}

/** Whether the relay is told to admit those whom the answers name. The socket of tailscaled is found anew each time. */
function sameAdmission(answer: Verification, rules: AdmissionRules | null): boolean {
  const kinds = [rules?.tailscaled && 'tailscaled', rules?.url && 'url', rules?.keyFile && 'keys'].filter(Boolean);
  if (answer.kind === 'none') return kinds.length === 0;
  if (kinds.length !== 1 || kinds[0] !== answer.kind) return false;
  if (answer.kind === 'tailscaled' && answer.socket !== undefined) return rules?.tailscaled?.socket === answer.socket;
  // A key file may be a copy of the one that was named.
  return answer.kind !== 'url' || rules?.url?.url === answer.url;
}

function describeAdmission(rules: AdmissionRules | null): string {
  const ways = [
    ...(rules?.keyFile ? [`keys:${rules.keyFile}`] : []),
    ...(rules?.tailscaled ? ['tailscaled'] : []),
    ...(rules?.url ? [`url:${rules.url.url}`] : []),
  ];
  return ways.join(' + ') || 'none';
}

/** The answers that the relay was not told of. */
function differences({ answers }: Installed, relay: RelaySettings): { name: string; answer: string; relay: string }[] {
  const given = answers.state === 'read' ? answers.value.given : {};
  const told: Partial<Record<QuestionKey, unknown>> = {
    host: relay.hostname,
    // Behind something else they are others than clients come to.
    ...(!relay.behind.derp && { derpPort: relay.derpPort }),
    ...(!relay.behind.http && { httpPort: relay.httpPort }),
    stunPort: relay.stunPort,
  };
  const found = Object.entries(told).flatMap(([name, value]) => {
    const answer = given[name as QuestionKey]?.value;
    return answer === undefined || answer === value ? [] : [{ name, answer: String(answer), relay: String(value) }];
  });
  const verify = given.verify?.value;
  if (verify !== undefined && !sameAdmission(verify, relay.admission)) {
    const answer = formatVerification(verify);
    found.push({ name: 'verify', answer, relay: describeAdmission(relay.admission) });
  }
  for (const name of ['allowCidr', 'denyCidr'] as const) {
    const answer = given[name]?.value;
    if (answer === undefined || sameList(answer, relay[name])) continue;
    const told = formatAddressChoice(relay[name] ?? 'none');
    found.push({ name, answer: formatAddressChoice(answer), relay: told });
  }
  return found;
}

/** Whether the relay was told of this list. Addresses of the relay's own are always allowed with the others. */
function sameList(answer: AddressChoice, told: AddressSource | null): boolean {
  const wanted = chosenSource(answer);
  if (wanted === null || told === null) return wanted === told;
  const holds = (list: readonly string[], parts: readonly string[]) => parts.every((part) => list.includes(part));
  return holds(told.ranges, wanted.ranges) && holds(told.files, wanted.files) && holds(wanted.files, told.files);
}

function judgeKey({ key, installed, isRoot }: DoctorFacts): Finding[] {
  if (key.missing) return [failed('file-missing', { path: installed.layout.relayKey })];
  const { problem } = key;
  return problem === undefined || mayBeDenied(problem, isRoot) ? [] : [failed('file-unusable', { problem })];
}

export function judgeFiles(facts: DoctorFacts): Finding[] {
  const { installed, edited, isRoot } = facts;
  const { answers, relay, derpMap, manifest, target } = installed;
  const needed = isInstalledTarget(target) ? [answers, relay, derpMap, manifest] : [answers, derpMap];
  const found = [...needed.flatMap((reading) => judgeReading(reading, isRoot)), ...judgeKey(facts)];
  const remarks = readValue(answers)?.problems ?? [];
  found.push(...remarks.map((problem) => failed('file-unusable', { problem })));
  const settings = readValue(relay);
  const fields = settings === undefined ? [] : differences(installed, settings);
  if (fields.length > 0) found.push(warning('answers-differ', { path: answers.path, fields }));
  found.push(...edited.map((path) => warning('file-edited', { path })));
  return found.length > 0 ? found : [fine('files-fine', {})];
}
