/** Whether the relay keeps up: while its event loop stands still, nobody's packets go on. */
import type { DoctorFacts } from '../facts.ts';
import { type Finding, warning } from '../findings.ts';

/** Fewer happen to anybody: when it starts, when memory is collected. */
const FEW = 20;
/** Of the time, from which on people notice. */
const MUCH = 0.01;
const HOUR_SECONDS = 3600;
/** A relay that has just started says little of how it will go on. */
const LEAST_SECONDS = 600;
/** A loop that was ready and waited for a processor this much of the time that it ran, has had too little of one. */
const STARVED = 0.25;

export function judgePace({ relay, schedule }: DoctorFacts): Finding[] {
  const { stalls, stalledMs } = relay?.stalls.lastHour ?? { stalls: 0, stalledMs: 0 };
  if (relay === undefined || stalls < FEW || relay.uptimeSeconds < LEAST_SECONDS) return [];
  const seconds = Math.min(HOUR_SECONDS, relay.uptimeSeconds);
  if (stalledMs / 1000 < seconds * MUCH) return [];
  const starved = schedule !== undefined && schedule.waited > schedule.ran * STARVED;
  const minutes = Math.round(seconds / 60);
  return [warning('relay-stalls', { stalls, stalledMs, minutes, longestMs: relay.stalls.longestMs, starved })];
}
