/** A stream server that somebody made by hand on the shared port, and whether it leads to the relay already. */
import { isIP } from 'node:net';
import { blockOf, type NginxConfiguration, named } from './configuration.ts';
import type { Directive } from './directives.ts';
import type { NginxServer } from './servers.ts';

/** Where nginx's own connections to the relay come from: nobody else's begin with a PROXY header. */
export const PROXY_SOURCE = '127.0.0.2';

/** How connections come to the relay through it: each begins with a PROXY header. */
export interface OwnRoute {
  /** Where on the loopback address it leads. */
  relayPort: number;
}

/** The last argument of a directive of that name in a server. */
function settingOf(server: NginxServer, name: string): string | undefined {
  return named(server.directive.block, name).at(-1)?.args[0];
}

/** Where our host's connections are sent by a map: by its name, or for an address by no name at all. */
function targetIn(map: Directive, host: string): string | undefined {
  const key = isIP(host) === 0 ? host : '';
  return (map.block ?? []).find(({ name }) => name.toLowerCase() === key)?.args[0];
}

/** The port of this machine that a target of `proxy_pass` is, by itself or as an upstream's first server. */
function portOf(target: string, stream: Directive): number | undefined {
  const direct = (text: string) => /^(?:127\.0\.0\.1|localhost):(\d{1,5})$/.exec(text)?.[1];
  const upstream = named(stream.block, 'upstream').find(({ args }) => args[0] === target);
  const port = direct(target) ?? direct(named(upstream?.block, 'server')[0]?.args[0] ?? '');
  return port === undefined ? undefined : Number(port);
}

/** The route to the relay through somebody's own stream server; undefined when there is none. */
export function ownRoute(server: NginxServer, { main }: NginxConfiguration, host: string): OwnRoute | undefined {
  const stream = blockOf(main, 'stream');
  const variable = settingOf(server, 'proxy_pass');
  if (stream === undefined || variable === undefined) return undefined;
  const maps = named(stream.block, 'map').filter(
    ({ args }) => args[0] === '$ssl_preread_server_name' && args[1] === variable,
  );
  const target = maps.map((map) => targetIn(map, host)).find((found) => found !== undefined);
  const relayPort = target === undefined ? undefined : portOf(target, stream);
  if (relayPort === undefined) return undefined;
  // Without the header every client would look like this machine itself, which is trusted with more; and from 127.0.0.1
  // this machine's own questions come, which have no header.
  const tellsClients = settingOf(server, 'proxy_protocol') === 'on' && settingOf(server, 'proxy_bind') === PROXY_SOURCE;
  return tellsClients ? { relayPort } : undefined;
}
