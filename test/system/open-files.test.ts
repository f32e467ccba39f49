import { describe, expect, it } from 'vitest';
import { openFilesLimit, parseOpenFilesLimit } from '../../src/system/open-files.ts';

describe('the limit of open files', () => {
  it('is the soft one', () => {
    const limits = 'Limit   Soft Limit\nMax open files            1024                 524288               files\n';
    expect(parseOpenFilesLimit(limits)).toBe(1024);
  });

  it.each(['Max open files            unlimited            unlimited            files', ''])(
    'is none in %j',
    (text) => {
      expect(parseOpenFilesLimit(text)).toBeUndefined();
    },
  );

  it.runIf(process.platform === 'linux')('is known of a process', async () => {
    expect(await openFilesLimit(process.pid)).toBeGreaterThan(0);
    expect(await openFilesLimit(2 ** 30)).toBeUndefined();
  });
});
