import type { NginxStep } from '../../deploy/steps.ts';
import { NginxError, reloadNginx, testNginx } from '../../system/nginx.ts';
import type { StepHandler } from './handler.ts';

/** A reload that cannot be had because nginx does not run leaves nothing to take back. */
async function reloadIfRunning(): Promise<void> {
  try {
    await reloadNginx();
  } catch (error) {
    if (!(error instanceof NginxError && error.problem === 'reload')) throw error;
  }
}

/** Has nginx test what was written, and take it over. */
export const nginxHandler: StepHandler<NginxStep> = {
  async inspect({ reloadFor }, { changed, unfinished }) {
    return unfinished || reloadFor.some((path) => changed.has(path)) ? { change: 'run' } : undefined;
  },

  async apply({ isOptional = false }, { remember, signal }) {
    signal.throwIfAborted();
    // When every file is as it was before, nginx takes that over again.
    const way = { what: 'nginx', now: async () => {}, afterwards: reloadIfRunning };
    try {
      await testNginx();
      remember(way);
      await reloadNginx();
    } catch (error) {
      if (!(isOptional && error instanceof NginxError)) throw error;
    }
  },
};
