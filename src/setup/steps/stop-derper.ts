import type { StopDerperStep } from '../../deploy/steps.ts';
import { restoreDerper } from '../derper/restore.ts';
import { stopDerper } from '../derper/stop.ts';
import type { StepHandler } from './handler.ts';

/** Stops the derper that is taken over; it runs again when the run is undone. */
export const stopDerperHandler: StepHandler<StopDerperStep> = {
  async inspect(_, { derper }) {
    return derper === undefined ? undefined : { change: 'run' };
  },

  async apply({ name }, { derper, remember }) {
    if (derper === undefined) return;
    const restore = await stopDerper(derper);
    remember({ what: name, now: () => restoreDerper(restore) });
  },
};
