import type { DisableStep, ReloadUnitsStep } from '../../deploy/steps.ts';
import {
  daemonReload,
  disableUnit,
  enableUnit,
  resetFailedUnit,
  startUnit,
  stopUnit,
  unitState,
} from '../../system/services.ts';
import type { StepHandler } from './handler.ts';

/** Stops units, and has them not started any more. */
export const disableHandler: StepHandler<DisableStep> = {
  async inspect({ unit }) {
    const { found, enabled, active } = await unitState(unit);
    return found && (enabled || active !== 'inactive') ? { change: 'run' } : undefined;
  },

  async apply({ unit }, { remember }) {
    const { enabled, active } = await unitState(unit);
    if (active !== 'inactive') {
      await stopUnit(unit);
      await resetFailedUnit(unit);
      // Its files and user must be back first.
      const startAgain = () => daemonReload().then(() => startUnit(unit));
      if (active !== 'failed') remember({ what: unit, now: async () => {}, afterwards: startAgain });
    }
    if (!enabled) return;
    await disableUnit(unit);
    remember({ what: unit, now: async () => {}, afterwards: () => daemonReload().then(() => enableUnit(unit)) });
  },
};

/** Has systemd forget units whose files are gone. */
export const reloadUnitsHandler: StepHandler<ReloadUnitsStep> = {
  async inspect(_, { changed, unfinished }) {
    return unfinished || [...changed].some((name) => /\.(service|timer|conf)$/.test(name))
      ? { change: 'run' }
      : undefined;
  },

  async apply(_, { remember }) {
    await daemonReload();
    remember({ what: 'systemd', now: async () => {}, afterwards: daemonReload });
  },
};
