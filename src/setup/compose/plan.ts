/** The compose target's plan, with what of it depends on this machine. */
import { composePlan } from '../../deploy/compose/compose.ts';
import type { InstalledInput } from '../../deploy/installed-files.ts';
import { RELAY_USER } from '../../deploy/layout.ts';
import type { Plan } from '../../deploy/plan.ts';
import { findUser, freeSystemId } from '../../system/users.ts';
import { type Answers, DEFAULT_IMAGE } from '../answers/questions.ts';
import type { Facts } from '../facts.ts';

/** The numbers of the relay's user and group: they stand in the files, so they are settled before the user is made. */
async function relayUser(): Promise<{ user: { uid: number; gid: number }; userId?: number }> {
  const existing = await findUser(RELAY_USER);
  if (existing !== undefined) return { user: { uid: existing.uid, gid: existing.gid } };
  const id = await freeSystemId();
  // Refused before; root is the one number that it must never be.
  if (id === undefined) throw new RangeError('there is no free number for a system user');
  return { user: { uid: id, gid: id }, userId: id };
}

/** The plan for these answers. */
export async function composePlanFor(
  { answers, facts, noStart }: { answers: Answers; facts: Facts; noStart: boolean },
  installed: InstalledInput,
): Promise<Plan> {
  return composePlan({
    ...installed,
    ...(await relayUser()),
    image: answers.image ?? DEFAULT_IMAGE,
    compose: noStart ? undefined : facts.docker?.compose?.command,
    // Of another machine nothing is known; most have it.
    hasSystemd: facts.machine.systemd !== undefined || installed.layout.root !== '/',
  });
}
