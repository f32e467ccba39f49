import { join } from 'node:path';
import type { ComposeDownStep } from '../../deploy/steps.ts';
import { composeDown, composeUp } from '../../system/compose.ts';
import { removeContainer, startContainer, stopContainer } from '../../system/containers.ts';
import { findDocker } from '../../system/docker.ts';
import { kindOf } from '../../system/files.ts';
import { callOf, EngineSilentError, stateOrSilent } from '../compose/engine.ts';
import type { StepHandler } from './handler.ts';

/** Stops the container and removes it. */
export const composeDownHandler: StepHandler<ComposeDownStep> = {
  async inspect({ project }) {
    const state = await stateOrSilent(project.container);
    if (state === 'silent') {
      // As long as its description is there it may be as well, and would come back with the engine.
      const isDescribed = (await kindOf(join(project.directory, 'compose.yaml'))) === 'file';
      return isDescribed ? { change: 'run' } : undefined;
    }
    return state?.projectDirectory === project.directory ? { change: 'run' } : undefined;
  },

  async apply({ project }, { remember }) {
    const { container } = project;
    const before = await stateOrSilent(container);
    if (before === 'silent') throw new EngineSilentError();
    const compose = (await findDocker())?.compose;
    const call = compose && callOf(compose.command, project);
    if (call !== undefined) {
      const again = async () => {
        await composeUp(call);
        if (before?.status !== 'running') await stopContainer(container);
      };
      remember({ what: container, now: async () => {}, afterwards: again });
      await composeDown(call);
      return;
    }
    // Without Compose it cannot be made again, but it can be kept until everything else has gone well.
    await stopContainer(container);
    const start = () => (before?.status === 'running' ? startContainer(container) : Promise.resolve());
    remember({ what: container, now: async () => {}, afterwards: start, discard: () => removeContainer(container) });
  },
};
