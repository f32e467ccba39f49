/** Why there is no certificate, and what mends it. */
import type { OrderError, OrderObstacle } from '../cert/acme/obstacle.ts';
import type { Messages } from './messages/en.ts';
import { wordingOf } from './problem-list.ts';

/** What a rule is about: the authority, or the host. */
function subjectOf(obstacle: OrderObstacle): string {
  if ('authority' in obstacle && obstacle.code !== 'caa-forbids') return obstacle.authority;
  return 'host' in obstacle ? obstacle.host : '';
}

/** What is wrong in one sentence, and then the way out, if one is known. */
export function orderFailure({ obstacle }: Pick<OrderError, 'obstacle'>, messages: Messages): string[] {
  const { rule, remedy } = wordingOf(obstacle, messages);
  return [messages.certificates.failed(subjectOf(obstacle), rule), ...(remedy === undefined ? [] : [remedy])];
}
