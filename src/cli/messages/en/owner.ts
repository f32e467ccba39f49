import type { PortOwner } from '../../../system/port-owner.ts';

/** Who has a port, as far as it is known. */
export function owner(who: PortOwner | undefined): string {
  if (who?.pid !== undefined) return `${who.name ?? 'a process'} (pid ${who.pid})`;
  return who?.user === undefined ? 'another program' : `a process of user ${who.user}`;
}
