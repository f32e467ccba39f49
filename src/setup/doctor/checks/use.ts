/** Whether anybody from outside gets here: what a provider's firewall keeps out never reaches this machine. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import { addressScope } from '../../../system/network.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, fine, warning } from '../findings.ts';
import { relayLog } from '../relay-log.ts';
import { recentEvents } from './journal.ts';

/** Clients that have the relay in their map come within minutes. */
const PATIENCE_SECONDS = 600;

/** Clients that came from another machine, let in or not, by the log of the last hour. */
function cameFromOutside(facts: DoctorFacts): boolean {
  const { host, now } = facts;
  const own = (host?.routes ?? []).filter(({ local }) => local).map(({ address }) => address);
  own.push(...(host?.global.ipv4 ?? []), ...(host?.global.ipv6 ?? []));
  return recentEvents(relayLog(facts), now).some(
    ({ event, address }) =>
      (event === 'client_connected' || event === 'client_refused') &&
      !own.includes(String(address)) &&
      addressScope(String(address)) !== 'loopback',
  );
}

export function judgeUse(facts: DoctorFacts): Finding[] {
  const { relay, where, installed } = facts;
  if (relay === undefined || where === undefined || !isInstalledTarget(installed.target)) return [];
  if (relay.clients > 0) return [fine('clients-connected', { clients: relay.clients })];
  // Without the journal nothing is known of those who came and went.
  if (relayLog(facts).length === 0) return [];
  if (relay.uptimeSeconds < PATIENCE_SECONDS || cameFromOutside(facts)) return [];
  const { derp, stun } = where.ports;
  const ports = [`${derp}/tcp`, ...(stun > 0 ? [`${stun}/udp`] : [])];
  return [warning('nobody-came', { host: where.host, ports })];
}
