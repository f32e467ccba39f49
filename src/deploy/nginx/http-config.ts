/** The file by which nginx hands on what comes to port 80 for the relay's host. */
import { isIPv6 } from 'node:net';
import type { Templates } from '../systemd-units.ts';
import { fillTemplate } from '../template.ts';
import { serverName } from './own-servers.ts';

/** What the file says. */
export interface NginxHttpInput {
  host: string;
  /** What the server block listens on, as `listen` has it. */
  listens: readonly string[];
  /** Where the relay takes plain HTTP on the loopback address. */
  relayPort: number;
  /** Where clients find the relay by HTTPS. */
  derpPort: number;
}

const HTTPS_PORT = 443;

/** The file's text. */
export function nginxHttpConfig(templates: Pick<Templates, 'nginx-http.conf'>, input: NginxHttpInput): string {
  const { host, listens, relayPort, derpPort } = input;
  const bare = isIPv6(host) ? `[${host}]` : host;
  return fillTemplate(templates['nginx-http.conf'], {
    listens: listens.map((listen) => `    listen ${listen};`).join('\n'),
    name: serverName(host),
    port: String(relayPort),
    authority: derpPort === HTTPS_PORT ? bare : `${bare}:${derpPort}`,
  });
}
