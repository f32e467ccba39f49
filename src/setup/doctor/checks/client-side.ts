/** What the probe found that other checks have not named already. */
import type { Check, CheckData } from '../../../probe/check.ts';
import type { DoctorFacts, ProbeFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

/** Named by the checks of the host, with a closer look at each address. */
const LEFT_TO_HOST: readonly Check['id'][] = ['resolve', 'tcp'];

/** Docker's own forwarder of ports, which hides from where packets come. */
const DOCKER_PROXY = 'docker-proxy';

function judgeStun(check: Check, { ports, host }: DoctorFacts, probe: ProbeFacts): Finding[] {
  const answers = (check.data as CheckData['stun'] | undefined)?.answers ?? [];
  const mapped = answers[0]?.mapped ?? '';
  // On the relay's own machine its own address is the right answer.
  if (check.reason === 'own-address') return [];
  if (check.reason === 'nat-in-the-way') {
    const stun = ports.find(({ purpose }) => purpose === 'stun');
    if (stun?.owner?.name === DOCKER_PROXY) return [failed('stun-through-docker', { port: stun.port, mapped })];
    // Through a provider's NAT and back a machine sees itself otherwise than its clients see it.
    const ownAddress = host?.routes.some(
      ({ address, local }) => local && answers.some(({ server }) => server === address),
    );
    if (!ownAddress) return [warning('stun-unproven', { mapped })];
  }
  return [bad(check, probe)];
}

const bad = (check: Check, { about }: ProbeFacts): Finding =>
  (check.status === 'failed' ? failed : warning)('client-check', { check, about });

/** What is wrong with the certificate's files is said already, and a wrong pin is about the map. */
function isToldElsewhere({ id, reason }: Check, { certificate }: DoctorFacts): boolean {
  if (id !== 'certificate' || certificate === undefined || certificate.denied) return false;
  return reason === 'pin-mismatch' || reason === 'expires-soon' || certificate.problems.length > 0;
}

function judgeCheck(check: Check, facts: DoctorFacts, probe: ProbeFacts): Finding[] {
  if (check.status === 'ok' || check.status === 'skipped' || LEFT_TO_HOST.includes(check.id)) return [];
  if (check.id === 'stun') return judgeStun(check, facts, probe);
  if (check.reason === 'tls-ends-before' && facts.where?.listens.tls === false) return [fine('tls-ends-in-nginx', {})];
  // Without keys that the relay knows, to be turned away is right where not everybody is let in.
  const isStranger = !probe.known && probe.stranger !== undefined;
  if (check.reason === 'not-admitted' && isStranger) return [];
  return isToldElsewhere(check, facts) ? [] : [bad(check, probe)];
}

export function judgeClientSide(facts: DoctorFacts): Finding[] {
  const { probe, relay } = facts;
  // Where no relay answers, the service says why.
  if (probe === undefined || relay === undefined) return [];
  const found = probe.checks.flatMap((check) => judgeCheck(check, facts, probe));
  const relayed = probe.checks.find(({ id }) => id === 'relay')?.data as CheckData['relay'] | undefined;
  if (found.every(({ level }) => level === 'ok') && relayed !== undefined) {
    found.push(fine('client-served', { packets: relayed.sent, medianMs: relayed.medianMs }));
  }
  if (probe.stranger === 'admitted') found.push(warning('strangers-admitted', {}));
  if (probe.stranger === 'refused') found.push(fine('strangers-refused', {}));
  return found;
}
