import type { EnableStep } from '../../deploy/steps.ts';
import { daemonReload, disableUnit, enableUnit, startUnit, stopUnit, unitState } from '../../system/services.ts';
import type { StepHandler } from './handler.ts';

const isTimer = (unit: string) => unit.endsWith('.timer');

/** Enables units, and starts timers. */
export const enableHandler: StepHandler<EnableStep> = {
  async inspect({ unit }) {
    const { enabled, active } = await unitState(unit);
    return enabled && (!isTimer(unit) || active === 'active') ? undefined : { change: 'run' };
  },

  async apply({ unit }, { remember }) {
    const before = await unitState(unit);
    // systemd may know the unit's file only from now on; it must forget it too, when the file is gone again.
    await daemonReload();
    remember({ what: unit, now: async () => {}, afterwards: daemonReload });
    if (!before.enabled) {
      await enableUnit(unit);
      remember({ what: unit, now: () => disableUnit(unit) });
    }
    if (isTimer(unit) && before.active !== 'active') {
      await startUnit(unit);
      remember({ what: unit, now: () => stopUnit(unit) });
    }
  },
};
