/** Hosts for which a public authority issues nothing. */
import { unreachableScope } from './addresses.ts';
import { isLetsEncrypt } from './directory.ts';
import type { OrderObstacle } from './obstacle.ts';

/** An address that nobody outside of a private network can reach: no public authority issues for it. */
export function privateHost(host: string, directoryUrl: string): OrderObstacle | undefined {
  const scope = isLetsEncrypt(directoryUrl) ? unreachableScope(host) : undefined;
  return scope === undefined ? undefined : { code: 'private-host', scope };
}
