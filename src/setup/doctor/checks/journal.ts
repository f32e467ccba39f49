/** The relay's log, a line of JSON an event, as the journal gives it back. */

import { addressScope } from '../../../system/network.ts';

/** How far back the log matters, milliseconds. */
const RECENTLY_MS = 3_600_000;

/** An event of the log. */
export interface LogEvent {
  time: Date;
  level: string;
  event: string;
  [field: string]: unknown;
}

/** The events of the last hour; lines of other programs, and what Node prints by itself, are left out. */
export function recentEvents(lines: readonly string[], now: Date): LogEvent[] {
  return lines.flatMap((line): LogEvent[] => {
    if (!line.startsWith('{')) return [];
    let json: Record<string, unknown>;
    try {
      json = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return [];
    }
    const time = new Date(String(json.time));
    const { event, level } = json;
    if (typeof event !== 'string' || typeof level !== 'string' || Number.isNaN(time.getTime())) return [];
    return now.getTime() - time.getTime() > RECENTLY_MS ? [] : [{ ...json, time, event, level }];
  });
}

/**
 * The clients that were turned away in the last hour, the most frequent first. Those that came from this machine itself
 * are left out: probes are strangers to the relay.
 */
export function refusedClients(
  lines: readonly string[],
  now: Date,
  ownAddresses: readonly string[],
): { key: string; reason: string; times: number }[] {
  const counts = new Map<string, { key: string; reason: string; times: number }>();
  for (const { event, key, reason, address } of recentEvents(lines, now)) {
    if (event !== 'client_refused' || typeof key !== 'string') continue;
    const from = String(address);
    if (ownAddresses.includes(from) || addressScope(from) === 'loopback') continue;
    const entry = counts.get(key) ?? { key, reason: String(reason), times: 0 };
    counts.set(key, { ...entry, reason: String(reason), times: entry.times + 1 });
  }
  return [...counts.values()].sort((a, b) => b.times - a.times);
}
