/** A stream server that somebody made by hand on the shared port, and whether it leads to the relay already. */
import { isIP } from 'node:net';
import { blockOf, type NginxConfiguration, named } from './configuration.ts';
import type { Directive } from './directives.ts';
import type { NginxServer } from './servers.ts';

/** Where nginx's own connections to the relay come from: nobody else's begin with a PROXY header. */
export const PROXY_SOURCE = '127.0.0.2';

/** How connections come to the relay through it. */
export interface OwnRoute {
  /** With a PROXY header: the relay learns where clients are. */
  proxyProtocol: boolean;
}

/** The last argument of a directive of that name in a server. */
function settingOf(server: NginxServer, name: string): string | undefined {
  return named(server.directive.block, name).at(-1)?.args[0];
}

/** What of a map's lines our host's connections go by: its name, or no name at all. */
function entryOf(map: Directive, host: string): string | undefined {
  const keys = isIP(host) === 0 ? [host] : ['', 'default'];
  const lines = map.block ?? [];
  for (const key of keys) {
    const line = lines.find(({ name }) => name.toLowerCase() === key);
    if (line !== undefined) return line.args[0];
  }
  return undefined;
}

/** Whether a target of `proxy_pass` is that port of this machine, by itself or as an upstream's first server. */
function leadsTo(target: string, relayPort: number, stream: Directive): boolean {
  const addresses = [`127.0.0.1:${relayPort}`, `localhost:${relayPort}`];
  if (addresses.includes(target)) return true;
  const upstream = named(stream.block, 'upstream').find(({ args }) => args[0] === target);
  return named(upstream?.block, 'server').some(({ args }) => addresses.includes(args[0] ?? ''));
}

/** The route to the relay through somebody's own stream server; undefined when there is none. */
export function ownRoute(
  server: NginxServer,
  { main }: NginxConfiguration,
  { host, relayPort }: { host: string; relayPort: number },
): OwnRoute | undefined {
  const stream = blockOf(main, 'stream');
  const variable = settingOf(server, 'proxy_pass');
  if (stream === undefined || variable === undefined) return undefined;
  const maps = named(stream.block, 'map').filter(
    ({ args }) => args[0] === '$ssl_preread_server_name' && args[1] === variable,
  );
  const targets = maps.flatMap((map) => entryOf(map, host) ?? []);
  if (!targets.some((target) => leadsTo(target, relayPort, stream))) return undefined;
  const proxyProtocol = settingOf(server, 'proxy_protocol') === 'on';
  // From 127.0.0.1 come this machine's own questions too, which have no header.
  if (proxyProtocol && settingOf(server, 'proxy_bind') !== PROXY_SOURCE) return undefined;
  return { proxyProtocol };
}
