import type { OwnerStep } from '../../deploy/steps.ts';
import { setEntryMode, setEntryOwner } from '../../system/file-access.ts';
import { readSnapshot } from '../../system/files.ts';
import { idsOf, type StepHandler, sameOwner } from './handler.ts';

/** Gives files that are kept the owner and mode that the relay needs. */
export const ownerHandler: StepHandler<OwnerStep> = {
  async inspect({ path, mode, owner }, context) {
    if (!context.onMachine) return undefined;
    const found = await readSnapshot(path);
    if (found === undefined) return undefined;
    // A user that is yet to be made owns nothing so far.
    const ids = await idsOf(owner, context);
    return ids !== undefined && sameOwner(found, ids) && found.mode === mode ? undefined : { change: 'change' };
  },

  async apply({ path, mode, owner }, context) {
    const [before, ids] = [await readSnapshot(path), await idsOf(owner, context)];
    if (before === undefined || ids === undefined) return;
    context.remember({
      what: path,
      now: async () => {
        await setEntryOwner(path, before);
        await setEntryMode(path, before.mode);
      },
    });
    // Closed to others first, then given away.
    await setEntryMode(path, mode);
    await setEntryOwner(path, ids);
  },
};
