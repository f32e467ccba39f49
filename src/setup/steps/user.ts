import type { RemoveUserStep, UserStep } from '../../deploy/steps.ts';
import { createSystemUser, findUser, removeUser } from '../../system/users.ts';
import type { StepHandler } from './handler.ts';

/** Makes system users. */
export const userHandler: StepHandler<UserStep> = {
  async inspect({ name }, { onMachine }) {
    return !onMachine || (await findUser(name)) !== undefined ? undefined : { change: 'create' };
  },

  async apply({ name, home, id }, { remember }) {
    // First, because useradd may fail half-way, as on a full disk.
    remember({ what: `user ${name}`, now: () => removeUser(name) });
    await createSystemUser({ name, home, id });
  },
};

/** Removes system users. */
export const removeUserHandler: StepHandler<RemoveUserStep> = {
  async inspect({ name }) {
    return (await findUser(name)) === undefined ? undefined : { change: 'run' };
  },

  async apply({ name }, { remember }) {
    const user = await findUser(name);
    if (user === undefined) return;
    await removeUser(name);
    remember({ what: `user ${name}`, now: () => createSystemUser({ name, home: user.home, id: user.uid }) });
  },
};
