import { digestOf } from '../../deploy/manifest.ts';
import { withoutRecorded } from '../../deploy/nginx/record.ts';
import type { EditStep, RestoreStep } from '../../deploy/steps.ts';
import { FileError, readSnapshot, readTextIfPresent, type Snapshot, writeFileAtomic } from '../../system/files.ts';
import type { StepContext, StepHandler } from './handler.ts';

/** Writes another content into a file that keeps its mode and owner. */
async function rewrite(path: string, before: Snapshot, content: string, { remember }: StepContext): Promise<void> {
  const write = (data: string | Uint8Array) => writeFileAtomic(path, data, { mode: before.mode, owner: before });
  await write(content);
  remember({ what: path, now: () => write(before.data) });
}

const textOf = (snapshot: Snapshot) => snapshot.data.toString('utf8');

/** Changes lines in files of others. */
export const editHandler: StepHandler<EditStep> = {
  async inspect({ path, content }) {
    const found = await readSnapshot(path);
    const before = found && textOf(found);
    return before === content ? undefined : { change: 'change', before: before ?? '', after: content };
  },

  async apply({ path, expected, content }, context) {
    const found = await readSnapshot(path);
    // Somebody else is at work: what was planned was planned for another text.
    if (found === undefined || textOf(found) !== expected) {
      throw new FileError('write', path, 'other', new Error('it was changed in the meantime'));
    }
    await rewrite(path, found, content, context);
  },
};

/** What an edited file says without our changes: as it was to the byte, unless others have changed it since. */
async function restored({ path, record, nginx }: RestoreStep, now: string): Promise<string> {
  const backup = await readTextIfPresent(record.backup);
  const isUntouched = digestOf(now) === record.editedSha256;
  if (isUntouched && backup !== undefined && digestOf(backup) === record.originalSha256) return backup;
  return withoutRecorded(path, now, nginx);
}

/** Takes changes out of files of others. */
export const restoreHandler: StepHandler<RestoreStep> = {
  async inspect(step) {
    const found = await readSnapshot(step.path);
    if (found === undefined) return undefined;
    const before = textOf(found);
    const after = await restored(step, before);
    if (before === after) return undefined;
    const touched = digestOf(before) !== step.record.editedSha256;
    return { change: 'change', before, after, ...(touched && { details: ['touched'] }) };
  },

  async apply(step, context) {
    const found = await readSnapshot(step.path);
    if (found !== undefined) await rewrite(step.path, found, await restored(step, textOf(found)), context);
  },
};
