import type { DirectoryStep } from '../../deploy/steps.ts';
import { setEntryMode, setEntryOwner } from '../../system/file-access.ts';
import { ensureDirectory, readDirectoryState, removeEmptyDirectories } from '../../system/files.ts';
import { idsOf, type StepHandler, sameOwner } from './handler.ts';

/** Makes directories, and gives an existing one the right mode and owner where the plan names an owner. */
export const directoryHandler: StepHandler<DirectoryStep> = {
  async inspect(step, context) {
    const found = await readDirectoryState(step.path);
    if (found === undefined) return { change: 'create' };
    // A directory of the user's own, or of the system, keeps its mode.
    if (step.owner === undefined || !context.onMachine) return undefined;
    const fine = found.mode === step.mode && sameOwner(found, await idsOf(step.owner, context));
    return fine ? undefined : { change: 'change' };
  },

  async apply({ path, mode, owner }, context) {
    const found = await readDirectoryState(path);
    const ids = await idsOf(owner, context);
    if (found === undefined) {
      const made = await ensureDirectory(path, mode);
      const now = () => removeEmptyDirectories(path, made ?? path);
      context.remember({ what: path, now, repeatable: true });
      if (ids !== undefined) await setEntryOwner(path, ids);
      return;
    }
    context.remember({
      what: path,
      now: async () => {
        await setEntryOwner(path, found);
        await setEntryMode(path, found.mode);
      },
    });
    if (ids !== undefined) await setEntryOwner(path, ids);
    await setEntryMode(path, mode);
  },
};
