import type { RemoveStep } from '../../deploy/steps.ts';
import { setEntryOwner } from '../../system/file-access.ts';
import {
  ensureDirectory,
  kindOfEntry,
  readDirectoryState,
  readLink,
  readSnapshot,
  removeEmptyDirectory,
  removeFile,
  replaceLink,
  writeFileAtomic,
} from '../../system/files.ts';
import { setTreeAside } from '../../system/trees.ts';
import type { StepContext, StepHandler } from './handler.ts';

async function removeOneFile(path: string, { remember }: StepContext): Promise<void> {
  if ((await kindOfEntry(path)) === 'link') {
    const target = await readLink(path);
    await removeFile(path);
    remember({ what: path, now: () => replaceLink(path, target ?? '') });
    return;
  }
  const before = await readSnapshot(path);
  if (before === undefined) return;
  await removeFile(path);
  remember({ what: path, now: () => writeFileAtomic(path, before.data, { mode: before.mode, owner: before }) });
}

async function removeDirectory(path: string, { remember }: StepContext): Promise<void> {
  const before = await readDirectoryState(path);
  if (before === undefined) return;
  await removeEmptyDirectory(path);
  const putBack = async () => {
    await ensureDirectory(path, before.mode);
    await setEntryOwner(path, before);
  };
  remember({ what: path, now: putBack });
}

/** Removes what was installed. */
export const removeHandler: StepHandler<RemoveStep> = {
  async inspect({ path }) {
    return (await kindOfEntry(path)) === 'missing' ? undefined : { change: 'run' };
  },

  async apply({ path, what }, context) {
    if (what === 'file') await removeOneFile(path, context);
    else if (what === 'empty-directory') await removeDirectory(path, context);
    else {
      const { putBack, discard } = await setTreeAside(path);
      context.remember({ what: path, now: putBack, discard });
    }
  },
};
