/** What the relay has written and which process it is, whatever runs it. */
import type { DoctorFacts } from './facts.ts';

/** The last lines of its log, the oldest first; empty where this user may not read them. */
export function relayLog({ container, units }: Pick<DoctorFacts, 'container' | 'units'>): readonly string[] {
  return container?.log ?? units?.relayJournal ?? [];
}

/** Its process; undefined where nobody says. */
export function relayPid({ container, units }: Pick<DoctorFacts, 'container' | 'units'>): number | undefined {
  return container === undefined ? units?.relay.mainPid : container.state?.pid;
}
