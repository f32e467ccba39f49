import type { LinkStep } from '../../deploy/steps.ts';
import { readLink, removeFile, replaceLink } from '../../system/files.ts';
import type { StepHandler } from './handler.ts';

/** Points links, in one move. */
export const linkHandler: StepHandler<LinkStep> = {
  async inspect({ path, target }) {
    const before = await readLink(path);
    if (before === target) return undefined;
    return before === undefined ? { change: 'create', after: target } : { change: 'change', before, after: target };
  },

  async apply({ path, target }, { remember }) {
    const before = await readLink(path);
    await replaceLink(path, target);
    remember({ what: path, now: () => (before === undefined ? removeFile(path) : replaceLink(path, before)) });
  },
};
