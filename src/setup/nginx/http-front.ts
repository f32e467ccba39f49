/** Finds out whether nginx has port 80, and whether it can hand on to the relay what comes there for its host. */
import { dirname } from 'node:path';
import { NginxSyntaxError } from '../../deploy/nginx/directives.ts';
import { nginxHttpConfig } from '../../deploy/nginx/http-config.ts';
import { type HandOnObstacle, judgePort80 } from '../../deploy/nginx/port-80.ts';
import type { Templates } from '../../deploy/systemd-units.ts';
import { kindOf, readTextIfPresent } from '../../system/files.ts';
import { findNginx, NginxError, readNginxConfiguration } from '../../system/nginx.ts';
import { readTemplates } from '../../system/package.ts';
import { type PortOwner, portOwner } from '../../system/port-owner.ts';
import { findFreePort } from '../../system/ports.ts';
import { runsOnThisSystem } from '../../system/same-system.ts';

/** The port at which clients look for captive portals, and authorities for answers. */
export const FRONT_PORT = 80;

/** Where to begin to look for a port for the relay. */
const FIRST_PORT = 8080;

/**
 * Why nginx cannot hand anything on. `not-ours-to-ask`: it is another system's, as in a container, or there is no such
 * command; `broken`: it refuses its configuration as it is; `unreadable`: we do not understand it.
 */
export type FrontObstacle =
  | HandOnObstacle
  | { reason: 'not-ours-to-ask' | 'unreadable' }
  | { reason: 'broken'; said: string };

/** nginx before the relay's plain HTTP. */
export interface HttpFront {
  /** Where the relay listens on the loopback address. */
  relayPort: number;
  /** The file that tells nginx so, and its text. */
  file: string;
  content: string;
  /** The file is not there yet, or says something else. */
  pending: boolean;
}

/** What the search depends on. */
export interface HttpFrontWish {
  host: string;
  derpPort: number;
  /** What somebody chose, or an earlier run. */
  relayPort: number | undefined;
  /** The file that an earlier run has written. */
  known: string | undefined;
}

/** Where the file of ours may be put: into the first of the folders that is there. */
async function placeAmong(places: readonly string[]): Promise<string | undefined> {
  for (const place of places) if ((await kindOf(dirname(place))) === 'directory') return place;
  return undefined;
}

async function frontFor({ host, derpPort, relayPort }: HttpFrontWish): Promise<HttpFront | FrontObstacle> {
  const verdict = judgePort80(await readNginxConfiguration(), host);
  if ('reason' in verdict) return verdict;
  const file = await placeAmong(verdict.places);
  if (file === undefined) return { reason: 'no-include' };
  const port = relayPort ?? (await findFreePort('tcp', FIRST_PORT, [derpPort])) ?? FIRST_PORT;
  const templates = (await readTemplates()) as unknown as Templates;
  const content = nginxHttpConfig(templates, { host, derpPort, listens: verdict.listens, relayPort: port });
  return { relayPort: port, file, content, pending: (await readTextIfPresent(file)) !== content };
}

/** What an earlier run has told nginx, as it is. */
async function frontAsItIs({ relayPort, known }: HttpFrontWish): Promise<HttpFront | undefined> {
  const content = known === undefined ? undefined : await readTextIfPresent(known);
  if (relayPort === undefined || known === undefined || content === undefined) return undefined;
  return { relayPort, file: known, content, pending: false };
}

/** Whether the port is nginx's, or will be when nginx is started again. */
async function isNginxs(owner: PortOwner | undefined, wish: HttpFrontWish): Promise<boolean> {
  if (owner === undefined) return (await frontAsItIs(wish)) !== undefined && (await findNginx()) !== undefined;
  return owner.name === 'nginx';
}

/**
 * How nginx can hand on what comes to port 80, or why it cannot; undefined when it does not have that port. Asks nginx
 * what it is configured to do, and changes nothing.
 */
export async function findHttpFront(wish: HttpFrontWish): Promise<HttpFront | FrontObstacle | undefined> {
  try {
    const owner = await portOwner('tcp', FRONT_PORT);
    if (!(await isNginxs(owner, wish))) return undefined;
    const isHere = owner?.pid === undefined || (await runsOnThisSystem(owner.pid));
    if (!isHere || (await findNginx()) === undefined) return { reason: 'not-ours-to-ask' };
    return await frontFor(wish);
  } catch (error) {
    // What somebody else has broken since is no reason to change what is installed.
    if (error instanceof NginxError) return (await frontAsItIs(wish)) ?? { reason: 'broken', said: error.message };
    if (error instanceof NginxSyntaxError) return { reason: 'unreadable' };
    throw error;
  }
}
