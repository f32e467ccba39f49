/** How a process gets on with its processor. */
import { readTextIfPresent } from './files.ts';

/** Seconds since the process began that its first thread has run, and was ready to run without getting a processor. */
export interface ProcessSchedule {
  ran: number;
  waited: number;
}

/** The text of /proc/<pid>/schedstat; undefined when it is something else. Source: Linux, Documentation/scheduler/sched-stats.rst. */
export function parseSchedule(text: string): ProcessSchedule | undefined {
  const match = /^(\d+) (\d+) \d+\s*$/.exec(text);
  return match === null ? undefined : { ran: Number(match[1]) / 1e9, waited: Number(match[2]) / 1e9 };
}

/** The schedule of a process; undefined where the system does not say. */
export async function processSchedule(pid: number): Promise<ProcessSchedule | undefined> {
  const text = await readTextIfPresent(`/proc/${pid}/schedstat`).catch(() => undefined);
  return text === undefined ? undefined : parseSchedule(text);
}
