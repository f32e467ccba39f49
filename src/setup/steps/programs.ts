import { dirname } from 'node:path';
import type { ProgramsStep, RuntimeStep } from '../../deploy/steps.ts';
import { ensureDirectory, kindOf, removeEmptyDirectories, removeFile } from '../../system/files.ts';
import { digestOfParts, installProgramFile, installTree, sizeOfParts } from '../../system/trees.ts';
import type { StepHandler } from './handler.ts';

/** Installs the programs of this package. */
export const programsHandler: StepHandler<ProgramsStep> = {
  async inspect({ from, parts, path }) {
    // An installed program that looks after itself is in place already.
    if (from === path) return undefined;
    const [wanted, found] = await Promise.all([digestOfParts(from, parts), digestOfParts(path, parts)]);
    if (wanted === found) return undefined;
    const { files, bytes } = await sizeOfParts(from, parts);
    return { change: found === undefined ? 'create' : 'change', details: [String(files), String(bytes)] };
  },

  async apply({ from, parts, path }, { remember }) {
    const { putBack, discard } = await installTree(from, parts, path);
    remember({ what: path, now: putBack, discard });
  },
};

/** Installs a copy of Node, once for each version of it. */
export const runtimeHandler: StepHandler<RuntimeStep> = {
  async inspect({ path, version }) {
    return (await kindOf(path)) === 'file' ? undefined : { change: 'create', details: [version] };
  },

  async apply({ from, path }, { remember }) {
    const directory = dirname(path);
    const made = await ensureDirectory(directory);
    if (made !== undefined) {
      remember({ what: made, now: () => removeEmptyDirectories(directory, made), repeatable: true });
    }
    await installProgramFile(from, path);
    remember({ what: path, now: () => removeFile(path) });
  },
};
