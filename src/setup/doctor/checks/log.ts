/** Errors in the relay's log. */
import type { DoctorFacts } from '../facts.ts';
import { type Finding, fine, warning } from '../findings.ts';
import { relayLog } from '../relay-log.ts';
import { recentEvents } from './journal.ts';

/** Told by a check of its own. */
const TOLD_ELSEWHERE = ['admission_unanswered', 'certificate_expired'];

/** Errors that are over when the event beside them has happened since. */
const OVER_AFTER: Record<string, string> = {
  certificate_not_reloaded: 'certificate_reloaded',
  meta_certificate_not_renewed: 'meta_certificate_renewed',
  key_file_not_reloaded: 'key_file_reloaded',
};

export function judgeLog(facts: DoctorFacts): Finding[] {
  const { units, container, relay, now } = facts;
  if (units === undefined && container === undefined) return [];
  const log = relayLog(facts);
  const events = recentEvents(log, now);
  const isOver = (event: string, index: number) =>
    (event === 'certificate_not_reloaded' && relay?.certificateRefused === null) ||
    events.some((later, i) => i > index && later.event === OVER_AFTER[event]);
  const errors = events.filter(
    ({ level, event }, i) => level === 'error' && !TOLD_ELSEWHERE.includes(event) && !isOver(event, i),
  );
  const last = errors.at(-1);
  if (last === undefined) {
    // Without the journal, the relay's own count of its mistakes is all there is.
    const count = relay?.internalErrors ?? 0;
    if (count > 0 && log.length === 0) {
      return [warning('log-errors', { events: { internal_error: count }, last: '' })];
    }
    return log.length > 0 ? [fine('log-fine', {})] : [];
  }
  const counts: Record<string, number> = {};
  for (const { event } of errors) counts[event] = (counts[event] ?? 0) + 1;
  // The first line: the rest of it is where in the program it happened.
  return [warning('log-errors', { events: counts, last: String(last.problem ?? last.event).split('\n')[0]! })];
}
