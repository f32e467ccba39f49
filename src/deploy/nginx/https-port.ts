/** Whether nginx can end TLS for the relay's host and hand requests on to it: by a server block of our own. */
import { isIP } from 'node:net';
import { type ConfigurationFile, readConfiguration } from './configuration.ts';
import { type Listen, placeOf, takesTcpPort } from './listen.ts';
import { listensOnPort, NGINX_HTTPS_FILE, othersServers, placesFor, rivalOf } from './own-servers.ts';
import type { HandOn, HandOnObstacle } from './port-80.ts';
import { serversOf } from './servers.ts';

/**
 * Why not, beside what keeps it from handing port 80 on. `no-name`: clients of an address name no server in TLS, so that
 * they would meet another site; `no-tls`: others speak plain HTTP on that port; `own-stream`: a stream server has it.
 */
export type EndTlsObstacle = HandOnObstacle | { reason: 'no-name' | 'no-tls' | 'own-stream' };

/** Where the port is judged. */
export interface EndTlsWish {
  host: string;
  port: number;
  /** This machine has addresses of that family. */
  hasIpv6: boolean;
}

/** What servers of one address must agree on. */
const SHARED_OPTIONS = ['ssl', 'http2'];

/** Every address on which others have the port, with what they say of it. */
function listenTexts(listens: readonly Listen[], port: number): string[] {
  const addresses = [...new Set(listens.map(({ address }) => address))];
  return addresses.map((address) => {
    const said = new Set(listens.filter((listen) => listen.address === address).flatMap(({ options }) => options));
    return [placeOf(address, port), ...SHARED_OPTIONS.filter((option) => said.has(option))].join(' ');
  });
}

/** Judges the configuration. @throws NginxSyntaxError where it cannot be understood */
export function judgeHttpsPort(
  files: readonly ConfigurationFile[],
  { host, port, hasIpv6 }: EndTlsWish,
): HandOn | EndTlsObstacle {
  const configuration = readConfiguration(files);
  const streams = serversOf(configuration).filter(({ kind }) => kind === 'stream');
  if (streams.some(({ listens }) => listens.some((listen) => takesTcpPort(listen, port)))) {
    return { reason: 'own-stream' };
  }
  const others = othersServers(configuration);
  const listens = others.flatMap((server) => listensOnPort(server, port));
  if (listens.some(({ options }) => options.includes('proxy_protocol'))) return { reason: 'proxy-protocol' };
  if (listens.some(({ options }) => !options.includes('ssl'))) return { reason: 'no-tls' };
  const rival = rivalOf(others, host, port);
  if (rival !== undefined) return { reason: 'same-name', file: rival.directive.file };
  if (isIP(host) !== 0 && listens.length > 0) return { reason: 'no-name' };
  const { places, wouldBeDefault } = placesFor(NGINX_HTTPS_FILE, configuration, files, { servers: others, port });
  if (places.length === 0) return { reason: wouldBeDefault ? 'no-default' : 'no-include' };
  const alone = [`${port} ssl`, ...(hasIpv6 ? [`[::]:${port} ssl`] : [])];
  return { places, listens: listens.length > 0 ? listenTexts(listens, port) : alone };
}
