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

/** The files of ours that nginx reads: for what comes by plain HTTP, and by HTTPS. */
export const NGINX_FILE = 'derp-setup.conf';
export const NGINX_HTTPS_FILE = 'derp-setup-https.conf';

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

/** Where a file of ours of this name would be read as a part of the `http` block, the best place first. */
export function placesFor(
  name: string,
  configuration: NginxConfiguration,
  files: readonly ConfigurationFile[],
): string[] {
  const includes = named(blockOf(configuration.main, 'http')?.block, 'include');
  const places = includes
    .map((include) => includedPattern(include, configuration.prefix))
    .filter((pattern) => globExpression(pattern).test(join(dirname(pattern), name)))
    .map((pattern) => join(dirname(pattern), name))
    .sort((a, b) => rank(dirname(a)) - rank(dirname(b)));
  // Where it is already it stays.
  const known = new Set(files.map(({ path }) => path));
  return [...new Set([...places.filter((path) => known.has(path)), ...places])];
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
