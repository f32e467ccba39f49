/** Errors in the relay's log. */
import type { DoctorFacts } from '../facts.ts';
import { type Finding, fine, warning } from '../findings.ts';
import { recentEvents } from './journal.ts';

/** Told by a check of its own. */
const TOLD_ELSEWHERE = ['admission_unanswered'];

export function judgeLog({ units, relay, now }: DoctorFacts): Finding[] {
  if (units === undefined) return [];
  const errors = recentEvents(units.relayJournal, now).filter(
    ({ level, event }) => level === 'error' && !TOLD_ELSEWHERE.includes(event),
  );
  const last = errors.at(-1);
  if (last === undefined) {
    // Without the journal, the relay's own count of its mistakes is all there is.
    const count = relay?.internalErrors ?? 0;
    if (count > 0 && units.relayJournal.length === 0) {
      return [warning('log-errors', { events: { internal_error: count }, last: '' })];
    }
    return units.relayJournal.length > 0 ? [fine('log-fine', {})] : [];
  }
  const events: Record<string, number> = {};
  for (const { event } of errors) events[event] = (events[event] ?? 0) + 1;
  // The first line: the rest of it is where in the program it happened.
  return [warning('log-errors', { events, last: String(last.problem ?? last.event).split('\n')[0]! })];
}
