import { describe, expect, it } from 'vitest';
import { parseSchedule, processSchedule } from '../../src/system/process-schedule.ts';

describe('the schedule of a process', () => {
  it('is read from what Linux says', () => {
    expect(parseSchedule('3000000000 1500000000 42\n')).toEqual({ ran: 3, waited: 1.5 });
    for (const text of ['', '1 2', 'a b c', '1 2 3 4']) expect(parseSchedule(text)).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('is that of a process that runs', async () => {
    const before = (await processSchedule(process.pid))!;
    for (const until = performance.now() + 50; performance.now() < until; );
    expect((await processSchedule(process.pid))!.ran).toBeGreaterThan(before.ran);
    // No process has this number.
    expect(await processSchedule(2 ** 22 + 1)).toBeUndefined();
  });
});
