/** The machine's own firewall: lets clients in, and will after the next start. */
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

export function judgeFirewall({ firewall }: DoctorFacts): Finding[] {
  if (firewall === undefined) return [];
  if (firewall === 'none') return [fine('no-firewall', {})];
  const { tool, closed, commands, lasting } = firewall;
  if (closed.length > 0) {
    return [failed('firewall-closed', { tool, openings: closed, commands }, { kind: 'open-firewall' })];
  }
  return [lasting ? fine('firewall-open', { tool }) : warning('firewall-not-lasting', { tool })];
}
