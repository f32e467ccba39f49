/** The file by which nginx ends TLS for the relay's host, and hands requests on. */
import type { Templates } from '../systemd-units.ts';
import { fillTemplate } from '../template.ts';
import { serverName } from './own-servers.ts';

/** What the file says. */
export interface NginxHttpsInput {
  host: string;
  /** What the server block listens on, as `listen` has it. */
  listens: readonly string[];
  /** Where the relay takes plain HTTP on the loopback address. */
  relayPort: number;
  /** The address from which nginx connects to it. */
  proxyFrom: string;
  certFile: string;
  keyFile: string;
}

/** The file's text. */
export function nginxHttpsConfig(templates: Pick<Templates, 'nginx-https.conf'>, input: NginxHttpsInput): string {
  const { host, listens, relayPort, proxyFrom, certFile, keyFile } = input;
  return fillTemplate(templates['nginx-https.conf'], {
    name: serverName(host),
    listens: listens.map((listen) => `    listen ${listen};`).join('\n'),
    port: String(relayPort),
    proxy: proxyFrom,
    certificate: certFile,
    key: keyFile,
  });
}
