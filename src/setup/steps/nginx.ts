import type { NginxStep } from '../../deploy/steps.ts';
import { NginxError, testNginx } from '../../system/nginx.ts';
import { CommandError } from '../../system/processes.ts';
import { reloadAndWait } from '../nginx/running.ts';
import { askSites, type SiteAnswer, waitForSites } from '../nginx/site-answers.ts';
import type { StepHandler } from './handler.ts';

/** A reload that cannot be had because nginx does not run leaves nothing to take back. */
async function takeBack(sites: NonNullable<NginxStep['sites']>, before: readonly SiteAnswer[]): Promise<void> {
  try {
    await reloadAndWait();
  } catch (error) {
    if (!(error instanceof NginxError && error.problem === 'reload')) throw error;
  }
  await waitForSites(sites, before);
}

/** Has nginx test what was written, and take it over; its sites must answer then as they did before. */
export const nginxHandler: StepHandler<NginxStep> = {
  async inspect({ reloadFor }, { changed, unfinished }) {
    return unfinished || reloadFor.some((path) => changed.has(path)) ? { change: 'run' } : undefined;
  },

  async apply({ sites = [], isOptional = false }, { remember, signal }) {
    signal.throwIfAborted();
    const before = await askSites(sites, signal);
    // When every file is as it was before, nginx takes that over again.
    const way = { what: 'nginx', now: async () => {}, afterwards: () => takeBack(sites, before) };
    try {
      await testNginx();
      remember(way);
      await reloadAndWait(signal);
    } catch (error) {
      const isItsFault = error instanceof NginxError || error instanceof CommandError;
      if (!(isOptional && isItsFault)) throw error;
    }
    await waitForSites(sites, before, signal);
  },
};
