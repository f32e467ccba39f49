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

/** What systemd writes about a unit; the second kind tells how its process ended. */
const ABOUT_UNIT = /^(?:Start(?:ed|ing)|Stopp(?:ed|ing)) |^[\w.@-]+\.(?:service|timer): /;
const HOW_IT_ENDED = /^[\w.@-]+\.service: (?:Main process exited|Failed with result|A process of this unit)/;
/** Where in a program something happened. */
const STACK = /^\s+at /;
const SHOWN_LINES = 3;

/** Errors as people read them; undefined for events that explain nothing. */
function errorOf(line: string): string | undefined {
  if (!line.startsWith('{')) return line;
  try {
    const { level, event, problem } = JSON.parse(line) as Record<string, unknown>;
    return level === 'error' ? `${event}: ${problem ?? ''}`.replace(/: $/, '') : undefined;
  } catch {
    return line;
  }
}

/**
 * The lines of a journal that say why something ended: its own last words; without any, how systemd saw it end. What
 * is said again and again, as by a service that is started again and again, is shown once.
 */
export function tellingLines(lines: readonly string[]): string[] {
  const own = lines
    .filter((line) => !ABOUT_UNIT.test(line) && !STACK.test(line))
    .flatMap((line) => errorOf(line) ?? []);
  const told = own.length > 0 ? own : lines.filter((line) => HOW_IT_ENDED.test(line));
  // Of equal lines the last one counts, so that they stay in order.
  return [...new Set([...told].reverse())].slice(0, SHOWN_LINES).reverse();
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
