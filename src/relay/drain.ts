/** The end of a relay, as its clients see it. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { defaults } from './defaults.ts';
import type { Session } from './sessions/session.ts';

/** Sends every client the restart notice and what is queued for it, then closes; gives up on slow ones in time. */
export async function drain(sessions: ReadonlySet<Session>, drainMs: number): Promise<void> {
  for (const session of sessions) {
    if (session.key === undefined) session.close();
    else session.sendRestarting(defaults.restartSpread, defaults.restartTryFor);
  }
  const deadline = performance.now() + drainMs;
  let lingerUntil = Number.POSITIVE_INFINITY;
  while (sessions.size > 0 && performance.now() < Math.min(deadline, lingerUntil)) {
    await delay(10);
    let flushed = true;
    for (const session of sessions) {
      if (session.outbox.empty) session.end();
      else flushed = false;
    }
    // Nobody waits for clients that do not close their side; the next relay can only listen when this one is gone.
    if (flushed) lingerUntil = Math.min(lingerUntil, performance.now() + defaults.linger);
  }
  for (const session of sessions) session.close();
}
