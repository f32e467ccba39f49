/** Whether nginx, which has port 80, can hand on what comes there for the relay's host: by a server block of our own. */
import { type ConfigurationFile, readConfiguration } from './configuration.ts';
import { placeOf } from './listen.ts';
import { isLoopback, listensOnPort, NGINX_FILE, othersServers, placesFor, rivalOf } from './own-servers.ts';

const PORT = 80;

/**
 * Why not. `no-include`: its `http` block reads no files of a folder; `same-name`: another server block has the host's
 * name there, and nginx would not look at ours; `no-default`: no site is named as the default, and ours would be read first
 * and become it; `not-public`: it listens for this machine only; `proxy-protocol`:
 * something stands before nginx itself.
 */
export type HandOnObstacle =
  | { reason: 'no-include' | 'no-default' | 'not-public' | 'proxy-protocol' }
  | { reason: 'same-name'; file: string };

/** How it can. */
export interface HandOn {
  /** Where the file may be put, the best place first. */
  places: string[];
  /** What the server block listens on, as `listen` has it: all that others listen on. */
  listens: string[];
}

/** Judges the configuration. @throws NginxSyntaxError where it cannot be understood */
export function judgePort80(files: readonly ConfigurationFile[], host: string): HandOn | HandOnObstacle {
  const configuration = readConfiguration(files);
  const others = othersServers(configuration);
  const listens = others.flatMap((server) => listensOnPort(server, PORT));
  if (listens.some(({ options }) => options.includes('proxy_protocol'))) return { reason: 'proxy-protocol' };
  if (!listens.some((listen) => !isLoopback(listen))) return { reason: 'not-public' };
  const rival = rivalOf(others, host, PORT);
  if (rival !== undefined) return { reason: 'same-name', file: rival.directive.file };
  const { places, wouldBeDefault } = placesFor(NGINX_FILE, configuration, files, { servers: others, port: PORT });
  if (places.length === 0) return { reason: wouldBeDefault ? 'no-default' : 'no-include' };
  return { places, listens: [...new Set(listens.map(({ address }) => placeOf(address, PORT)))] };
}
