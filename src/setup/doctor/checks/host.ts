/** Whether the name or address that clients dial leads to this relay, each address by itself. */
import { isIPv4 } from 'node:net';
import type { DoctorFacts, HostFacts, RouteFact } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

interface Target {
  host: string;
  port: number;
  /** The relay answers on this machine, so that silence elsewhere means something. */
  answers: boolean;
}

function judgeRoute({ address, local, leads }: RouteFact, { global }: HostFacts, target: Target): Finding[] {
  const { host, port, answers } = target;
  const own = isIPv4(address) ? global.ipv4 : global.ipv6;
  if (leads === 'here') return [];
  // Somebody else on this machine's own port is told by the check of the ports, unless the relay has it too.
  if (leads === 'elsewhere' && (!local || answers)) return [failed('address-elsewhere', { host, address })];
  if (local) return answers ? [failed('address-blocked', { host, address, port })] : [];
  if (own.length > 0) return [failed('address-not-mine', { host, address, own })];
  // Behind a provider's NAT a machine does not know its public address, and often cannot reach it.
  return answers ? [warning('address-unproven', { host, address, port })] : [];
}

export function judgeHost({ host: facts, where, relay, installed }: DoctorFacts): Finding[] {
  if (facts === undefined || where === undefined || !installed.onMachine) return [];
  const { host, ports } = where;
  if (facts.failure !== undefined) return [failed('host-unresolved', { host, failure: facts.failure })];
  const target: Target = { host, port: ports.derp, answers: relay !== undefined };
  const found = facts.routes.flatMap((route) => judgeRoute(route, facts, target));
  const here = facts.routes.filter(({ leads }) => leads === 'here');
  if (found.length > 0 || here.length === 0) return found;
  return [fine('host-leads-here', { host, addresses: here.map(({ address }) => address) })];
}
