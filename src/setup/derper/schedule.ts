/** Entries of cron that start or restart derper: they would bring it back after it was taken over. */
import { type CronFile, cronFiles } from '../../system/cron-files.ts';
import { mentionsDerper } from './command.ts';

/** Where such an entry is. */
export interface ScheduledDerper {
  file: string;
  /** The first line is 1. */
  line: number;
}

/** The entries of one table that name derper. */
export function derperEntries({ path, text }: CronFile): ScheduledDerper[] {
  return text.split('\n').flatMap((line, at) => {
    const command = line.trim();
    return command.startsWith('#') || !mentionsDerper(command) ? [] : [{ file: path, line: at + 1 }];
  });
}

/** All such entries of this machine that this user may read. */
export async function findScheduledDerper(): Promise<ScheduledDerper[]> {
  return (await cronFiles()).flatMap(derperEntries);
}
