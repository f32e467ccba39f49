import { isAsWritten } from '../../deploy/manifest.ts';
import type { FileStep } from '../../deploy/steps.ts';
import { setEntryMode, setEntryOwner } from '../../system/file-access.ts';
import {
  kindOfEntry,
  readLink,
  readSnapshot,
  removeFile,
  replaceLink,
  type Snapshot,
  writeFileAtomic,
} from '../../system/files.ts';
import { daemonReload } from '../../system/services.ts';
import { type Finding, idsOf, type StepContext, type StepHandler, sameOwner } from './handler.ts';

/** What puts back what is at `path` now: nothing, a file, or a link, as `systemctl mask` makes one of a unit. */
async function wayBack(path: string, before: Snapshot | undefined): Promise<() => Promise<void>> {
  if ((await kindOfEntry(path)) === 'link') {
    const target = (await readLink(path)) ?? '';
    return () => replaceLink(path, target);
  }
  if (before === undefined) return () => removeFile(path);
  return () => writeFileAtomic(path, before.data, { mode: before.mode, owner: before });
}

/** Files that people are meant to change: the answers themselves. */
const MEANT_TO_BE_EDITED: readonly FileStep['purpose'][] = ['config', 'manifest'];

function isEditedByHand({ path, purpose }: FileStep, before: Snapshot, { written }: StepContext): boolean {
  const known = written.get(path);
  return known !== undefined && !isAsWritten(known, before.data) && !MEANT_TO_BE_EDITED.includes(purpose);
}

/** Writes files whole, keeping what was there for the way back. */
export const fileHandler: StepHandler<FileStep> = {
  async inspect(step, context): Promise<Finding | undefined> {
    const before = await readSnapshot(step.path);
    const shown = step.secret ? {} : { before: before?.data.toString('utf8') ?? '', after: step.content };
    if (before === undefined) return { change: 'create', ...shown };
    if (!before.data.equals(Buffer.from(step.content))) {
      return { change: 'change', ...shown, ...(isEditedByHand(step, before, context) && { editedByHand: true }) };
    }
    const fine = before.mode === step.mode && sameOwner(before, await idsOf(step.owner, context));
    return fine ? undefined : { change: 'change' };
  },

  async apply({ path, purpose, content, mode, owner }, context) {
    const before = await readSnapshot(path);
    const ids = (await idsOf(owner, context)) ?? before;
    if (before?.data.equals(Buffer.from(content))) {
      const putBack = async () => {
        await setEntryOwner(path, before);
        await setEntryMode(path, before.mode);
      };
      context.remember({ what: path, now: putBack });
      if (ids !== undefined && !sameOwner(before, ids)) await setEntryOwner(path, ids);
      await setEntryMode(path, mode);
      return;
    }
    const now = await wayBack(path, before);
    await writeFileAtomic(path, content, { mode, owner: ids });
    // systemd compares the times of its files, and a file that was put back is newer than what it has read.
    const isKnown = purpose === 'unit' && context.onMachine && before !== undefined;
    context.remember({ what: path, now, ...(isKnown && { afterwards: daemonReload }) });
  },
};
