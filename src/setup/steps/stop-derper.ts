import type { StopDerperStep } from '../../deploy/steps.ts';
import { isInUse } from '../derper/naming.ts';
import { restoreDerper } from '../derper/restore.ts';
import { stopDerper } from '../derper/stop.ts';
import type { StepHandler } from './handler.ts';

/** Stops the derper that is taken over; it runs again when the run is undone. */
export const stopDerperHandler: StepHandler<StopDerperStep> = {
  async inspect(_, { derper }) {
    // One that was taken over before neither runs nor starts with the machine.
    return derper === undefined || !isInUse(derper) ? undefined : { change: 'run' };
  },

  async apply({ name }, { derper, remember }) {
    if (derper === undefined) return;
    const restore = await stopDerper(derper);
    remember({ what: name, now: () => restoreDerper(restore) });
  },
};
