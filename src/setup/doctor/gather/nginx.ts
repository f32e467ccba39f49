/** The nginx that shares its port with the relay, as it is configured now. */
import { findDeep, readConfiguration } from '../../../deploy/nginx/configuration.ts';
import { NginxSyntaxError } from '../../../deploy/nginx/directives.ts';
import { takesTcpPort } from '../../../deploy/nginx/listen.ts';
import { serverName } from '../../../deploy/nginx/own-servers.ts';
import { ownRoute } from '../../../deploy/nginx/own-stream.ts';
import { type NginxServer, serversOf } from '../../../deploy/nginx/servers.ts';
import { findNginx, NginxError, readNginxConfiguration } from '../../../system/nginx.ts';
import { findNginxProcesses } from '../../../system/nginx-process.ts';
import { nginxPaths } from '../../nginx/running.ts';
import type { Whereabouts } from '../../status/installed.ts';
import type { NginxFacts } from '../facts.ts';

/** Whether a website of the host's name is the relay, asked in plain HTTP. */
function asksRelay({ names, directive }: NginxServer, host: string, relayPort: number): boolean {
  const place = `http://127.0.0.1:${relayPort}`;
  const asks = findDeep(directive.block ?? [], ({ name, args }) => name === 'proxy_pass' && args[0] === place);
  return names.includes(serverName(host)) && asks !== undefined;
}

/** Looks at it, as root; undefined for a configuration that is not understood. */
export async function gatherNginx({ host, ports, listens }: Whereabouts): Promise<NginxFacts | undefined> {
  const nginx = await findNginx();
  if (nginx === undefined) return { state: 'absent' };
  const { version } = nginx;
  try {
    const files = await readNginxConfiguration();
    const configuration = readConfiguration(files);
    const running = (await findNginxProcesses(nginxPaths(nginx, files).pid)) !== undefined;
    const onPort = serversOf(configuration).flatMap((server) => {
      const listen = server.listens.find((each) => takesTcpPort(each, ports.derp));
      return listen === undefined ? [] : [{ server, place: listen.directive }];
    });
    const passesOn = onPort.some(({ server }) =>
      listens.tls
        ? server.kind === 'stream' && ownRoute(server, configuration, host)?.relayPort === listens.derp
        : asksRelay(server, host, listens.derp),
    );
    // Where nginx ends TLS the others are neighbours.
    const sites = onPort.filter(({ server }) => listens.tls && server.kind === 'http');
    const places = sites.map(({ place: { file, line } }) => ({ file, line }));
    return { state: running ? 'runs' : 'stopped', version, passesOn, sitesOnPort: places };
  } catch (error) {
    if (error instanceof NginxError) return { state: 'broken', version, said: error.said };
    if (error instanceof NginxSyntaxError) return undefined;
    throw error;
  }
}
