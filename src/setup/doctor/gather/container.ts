/** What Docker says of the relay's container. */
import { RELAY_CONTAINER } from '../../../deploy/layout.ts';
import { containerLog, containerState, imageId } from '../../../system/containers.ts';
import { findDocker } from '../../../system/docker.ts';
import { CommandError } from '../../../system/processes.ts';
import type { ContainerFacts } from '../facts.ts';

/** How far back the log is read, milliseconds, and how many lines of it at most. */
const LOG_MS = 3_600_000;
const MOST_LINES = 5000;
/** Where nothing was written lately, the last lines say how it ended. */
const LAST_LINES = 20;

async function logSince(now: Date): Promise<string[]> {
  const since = new Date(now.getTime() - LOG_MS);
  const recent = await containerLog(RELAY_CONTAINER, { lines: MOST_LINES, since });
  return recent.length > 0 ? recent : containerLog(RELAY_CONTAINER, { lines: LAST_LINES });
}

/** The container, its log, and the image that it would be made of today. */
export async function gatherContainer(now: Date): Promise<ContainerFacts> {
  try {
    const [state, log] = await Promise.all([containerState(RELAY_CONTAINER), logSince(now)]);
    const namedImage = state && (await imageId(state.image));
    return { engine: 'answers', state, log, namedImage };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const denied = (await findDocker())?.denied === true;
    return { engine: denied ? 'denied' : 'silent', state: undefined, log: [], namedImage: undefined };
  }
}
