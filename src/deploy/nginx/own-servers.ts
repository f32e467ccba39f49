/** What the server blocks of our own, in files of our own, have in common. */
import { isIPv6 } from 'node:net';
import { basename, dirname, join } from 'node:path';
import {
  blockOf,
  type ConfigurationFile,
  globExpression,
  includedPattern,
  type NginxConfiguration,
  named,
} from './configuration.ts';
import { type Listen, takesTcpPort } from './listen.ts';
import { type NginxServer, serversOf } from './servers.ts';

/**
 * The files of ours that nginx reads: for what comes by plain HTTP, and by HTTPS. It reads those of a folder in the order of
 * their names, and ours had better be the last.
 */
export const NGINX_FILE = 'zz-derp-setup.conf';
export const NGINX_HTTPS_FILE = 'zz-derp-setup-https.conf';

/** A host as it stands in `server_name` and in Host headers. */
export function serverName(host: string): string {
  return isIPv6(host) ? `[${host}]` : host.toLowerCase();
}

export function isLoopback({ address }: Listen): boolean {
  return /^(127\.|localhost$|::1$)/.test(address);
}

/** Folders that are there for files of others come before those that people look after. */
function rank(folder: string): number {
  const at = ['conf.d', 'http.d'].indexOf(basename(folder));
  return at < 0 ? 2 : at;
}

/** What a file of ours must not take from others. */
interface Neighbours {
  servers: readonly NginxServer[];
  port: number;
}

const isDefault = ({ options }: Listen) => options.includes('default_server') || options.includes('default');

/**
 * Whether requests that name no site go on to whom they went before, with a server block of ours at this place: of an
 * address without a `default_server`, nginx takes the first block that it reads.
 */
function leavesDefaults({ servers, port }: Neighbours, isBefore: (server: NginxServer) => boolean): boolean {
  const doors = servers.flatMap((server) => listensOnPort(server, port).map((listen) => ({ server, listen })));
  const kept = doors.filter(({ server, listen }) => isDefault(listen) || isBefore(server));
  const keptAddresses = new Set(kept.map(({ listen }) => listen.address));
  return doors.every(({ listen }) => keptAddresses.has(listen.address));
}

/** Where a file of ours of this name would be read as a part of the `http` block, the best place first. */
export function placesFor(
  name: string,
  configuration: NginxConfiguration,
  files: readonly ConfigurationFile[],
  neighbours: Neighbours,
): { places: string[]; wouldBeDefault: boolean } {
  const inOrder = blockOf(configuration.main, 'http')?.block ?? [];
  const found = named(inOrder, 'include')
    .map((include) => ({ include, pattern: includedPattern(include, configuration.prefix) }))
    .map(({ include, pattern }) => ({ include, glob: globExpression(pattern), path: join(dirname(pattern), name) }))
    .filter(({ glob, path }) => glob.test(path))
    .sort((a, b) => rank(dirname(a.path)) - rank(dirname(b.path)));
  const fit = found.filter(({ include, glob, path }) =>
    leavesDefaults(neighbours, ({ directive }) => {
      if (inOrder.indexOf(directive) < inOrder.indexOf(include)) return true;
      return glob.test(directive.file) && directive.file < path;
    }),
  );
  // Where it is already it stays.
  const known = new Set(files.map((file) => file.path));
  const paths = fit.map(({ path }) => path);
  const places = [...new Set([...paths.filter((path) => known.has(path)), ...paths])];
  return { places, wouldBeDefault: found.length > 0 && fit.length === 0 };
}

/** The server blocks of websites that are not ours. */
export function othersServers(configuration: NginxConfiguration): NginxServer[] {
  const ours = [NGINX_FILE, NGINX_HTTPS_FILE];
  const isOurs = ({ directive }: NginxServer) => ours.includes(basename(directive.file));
  return serversOf(configuration).filter((server) => server.kind === 'http' && !isOurs(server));
}

const DEFAULT_PORT = 80;

/** Where a server takes connections of the port. Without `listen` nginx takes port 80, when root starts it. */
export function listensOnPort({ directive, listens }: NginxServer, port: number): Listen[] {
  const isSilent = named(directive.block, 'listen').length === 0;
  const ports = [DEFAULT_PORT, DEFAULT_PORT] as const;
  const implied: Listen = { directive, address: '0.0.0.0', isName: false, ports, options: [] };
  return (isSilent ? [implied] : listens).filter((listen) => takesTcpPort(listen, port));
}

/** The server among these that has the host's name on the port: nginx would not look at another one of that name. */
export function rivalOf(servers: readonly NginxServer[], host: string, port: number): NginxServer | undefined {
  // A name with a dot before it stands for itself too.
  const names = [serverName(host), `.${serverName(host)}`];
  const isNamed = (server: NginxServer) => server.names.some((name) => names.includes(name));
  return servers.find((server) => isNamed(server) && listensOnPort(server, port).length > 0);
}
