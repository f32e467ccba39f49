/** What systemd and its journal say. */
import { RELAY_UNIT, RENEW_TIMER, RENEW_UNIT } from '../../../deploy/layout.ts';
import { CommandError, run } from '../../../system/processes.ts';
import { recentJournal, timerNext, unitState } from '../../../system/services.ts';
import { askSystemd } from '../../status/gather.ts';
import type { UnitFacts } from '../facts.ts';

/** How far back the journal is read, milliseconds, and how many lines of it at most. */
const JOURNAL_MS = 3_600_000;
const MOST_LINES = 5000;
/** Where nothing was written lately, the last lines say how it ended. */
const LAST_LINES = 20;

async function journalOf(unit: string, now: Date): Promise<string[]> {
  const recent = await recentJournal(unit, { lines: MOST_LINES, since: new Date(now.getTime() - JOURNAL_MS) });
  return recent.length > 0 ? recent : recentJournal(unit, { lines: LAST_LINES });
}

/** The units of the installation; undefined where systemd does not run or cannot be asked. */
export function gatherUnits(now: Date): Promise<UnitFacts | undefined> {
  return askSystemd(async () => {
    const [relay, timer, renewal, next, relayJournal, renewalJournal] = await Promise.all([
      unitState(RELAY_UNIT),
      unitState(RENEW_TIMER),
      unitState(RENEW_UNIT),
      timerNext(RENEW_TIMER),
      journalOf(RELAY_UNIT, now),
      recentJournal(RENEW_UNIT, { lines: LAST_LINES }),
    ]);
    return { relay, timer, renewal, timerNext: next, relayJournal, renewalJournal };
  });
}

/** Whether the clock is set by the network, by the kernel's word; undefined where nobody tells. */
export async function gatherClock(): Promise<boolean | undefined> {
  try {
    const { code, stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized'], { timeoutMs: 5000 });
    const value = /^NTPSynchronized=(yes|no)$/m.exec(stdout)?.[1];
    return code === 0 && value !== undefined ? value === 'yes' : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
