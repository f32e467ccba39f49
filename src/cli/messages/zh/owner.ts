import type { PortOwner } from '../../../system/port-owner.ts';

/** Who has a port, as far as it is known. */
export function owner(who: PortOwner | undefined): string {
  if (who?.pid !== undefined) return `${who.name ?? '某个进程'}（pid ${who.pid}）`;
  return who?.user === undefined ? '其他程序' : `用户 ${who.user} 的进程`;
}
