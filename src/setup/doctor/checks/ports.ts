/** The ports that the relay should listen on: its own, and nobody else's. */
import { RELAY_USER } from '../../../deploy/layout.ts';
import type { DoctorFacts, PortFact } from '../facts.ts';
import { type Finding, failed, fine } from '../findings.ts';
import { relayPid } from '../relay-log.ts';

const FLAGS: Record<PortFact['purpose'], string> = {
  derp: '--derp-port',
  http: '--http-port',
  stun: '--stun-port',
};

export function judgePorts(facts: DoctorFacts): Finding[] {
  const { ports, relay, installed } = facts;
  if (!installed.onMachine || ports.length === 0) return [];
  const derpOwner = relay === undefined ? undefined : ports.find(({ purpose }) => purpose === 'derp')?.owner;
  const ours = relayPid(facts) ?? derpOwner?.pid;
  const found = ports.flatMap(({ purpose, protocol, port, owner }): Finding[] => {
    if (owner === undefined) return relay === undefined ? [] : [failed('port-closed', { protocol, port })];
    // Other users' processes show only whose they are.
    const isOurs = owner.pid === undefined ? owner.user === RELAY_USER : owner.pid === ours;
    return isOurs ? [] : [failed('port-taken', { protocol, port, flag: FLAGS[purpose], owner })];
  });
  if (found.length > 0) return found;
  // Nobody has them; the service says why.
  if (relay === undefined) return [];
  return [fine('ports-held', { ports: ports.map(({ port, protocol }) => `${port}/${protocol}`) })];
}
