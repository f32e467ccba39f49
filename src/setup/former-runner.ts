/** What an earlier run had the relay run by, where this one has it run by something else. */
import type { FormerRunner } from '../deploy/former-runner.ts';
import { type Layout, RELAY_UNIT } from '../deploy/layout.ts';
import { type DeployTarget, runsAsUnit } from '../deploy/target.ts';
import { kindOf } from '../system/files.ts';

/** By the files that are there: a run that was killed half-way may have left them without a record. */
export async function formerRunner(
  target: DeployTarget,
  layout: Pick<Layout, 'composeFile' | 'unit'>,
): Promise<FormerRunner | undefined> {
  const isThere = async (path: string) => (await kindOf(path)) === 'file';
  if (runsAsUnit(target)) return (await isThere(layout.composeFile)) ? 'container' : undefined;
  return (await isThere(layout.unit(RELAY_UNIT))) ? 'unit' : undefined;
}
