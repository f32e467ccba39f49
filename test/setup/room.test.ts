import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publicFileStep } from '../../src/deploy/steps.ts';
import type { PreviewedStep } from '../../src/setup/preview.ts';
import { checkRoom } from '../../src/setup/room.ts';
import { spaceAt } from '../../src/system/space.ts';
import { temporaryDirectory } from '../temporary.ts';

const finding = { change: 'create' } as const;
/** Programs of this size, to go below a directory that is not there yet. */
const programs = (top: string, bytes: number): PreviewedStep => ({
  step: { kind: 'programs', from: '/', parts: [], path: join(top, 'not/there/1.0'), version: '1.0' },
  finding: { ...finding, details: ['10', String(bytes)] },
});

describe('checkRoom', () => {
  it('has nothing against what there is room for', async () => {
    const top = temporaryDirectory();
    const file = { step: publicFileStep('config', join(top, 'x'), 'text'), finding };
    expect(await checkRoom([file, programs(top, 1000)])).toEqual([]);
    expect(await checkRoom([])).toEqual([]);
  });

  it('names what needs most, how much that is, and how much there is', async () => {
    const top = temporaryDirectory();
    const { free } = await spaceAt(top);
    const file = { step: publicFileStep('config', join(top, 'x'), 'text'), finding };
    const [problem, ...others] = await checkRoom([file, programs(top, free + 1)]);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ subject: join(top, 'not/there/1.0'), rule: { code: 'no-room' } });
    const { needed, free: told } = problem!.rule as { needed: number; free: number };
    expect(needed).toBeGreaterThan(told);
  });
});
