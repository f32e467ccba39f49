/** Whether nginx, which has port 80, can hand on what comes there for the relay's host: by a server block of our own. */
import { isIPv6 } from 'node:net';
import { basename, dirname, join } from 'node:path';
import {
  blockOf,
  type ConfigurationFile,
  globExpression,
  includedPattern,
  type NginxConfiguration,
  named,
  readConfiguration,
} from './configuration.ts';
import { type Listen, placeOf, takesTcpPort } from './listen.ts';
import { type NginxServer, serversOf } from './servers.ts';

/** The file of ours that nginx reads. */
export const NGINX_FILE = 'derp-setup.conf';

const PORT = 80;

/**
 * Why not. `no-include`: its `http` block reads no files of a folder; `same-name`: another server block has the host's
 * name there, and nginx would not look at ours; `not-public`: it listens for this machine only; `proxy-protocol`:
 * something stands before nginx itself.
 */
export type HandOnObstacle =
  | { reason: 'no-include' | 'not-public' | 'proxy-protocol' }
  | { reason: 'same-name'; file: string };

/** How it can. */
export interface HandOn {
  /** Where the file may be put, the best place first. */
  places: string[];
  /** What the server block listens on, as `listen` has it: all that others listen on. */
  listens: string[];
}

/** A host as it stands in `server_name` and in Host headers. */
export function serverName(host: string): string {
  return isIPv6(host) ? `[${host}]` : host.toLowerCase();
}

const isLoopback = ({ address }: Listen) => /^(127\.|localhost$|::1$)/.test(address);

/** Folders that are there for files of others come before those that people look after. */
function rank(folder: string): number {
  const at = ['conf.d', 'http.d'].indexOf(basename(folder));
  return at < 0 ? 2 : at;
}

/** Where a file of ours would be read as a part of the `http` block. */
function placesIn(configuration: NginxConfiguration, known: ReadonlySet<string>): string[] {
  const includes = named(blockOf(configuration.main, 'http')?.block, 'include');
  const places = includes
    .map((include) => includedPattern(include, configuration.prefix))
    .filter((pattern) => globExpression(pattern).test(join(dirname(pattern), NGINX_FILE)))
    .map((pattern) => join(dirname(pattern), NGINX_FILE))
    .sort((a, b) => rank(dirname(a)) - rank(dirname(b)));
  // Where it is already it stays.
  return [...new Set([...places.filter((path) => known.has(path)), ...places])];
}

const isOurs = ({ directive }: NginxServer) => basename(directive.file) === NGINX_FILE;

/** Where a server takes connections of the port. Without `listen` nginx takes port 80, when root starts it. */
function listensOnPort({ directive, listens }: NginxServer): Listen[] {
  const isSilent = named(directive.block, 'listen').length === 0;
  const implied: Listen = { directive, address: '0.0.0.0', isName: false, ports: [PORT, PORT], options: [] };
  return (isSilent ? [implied] : listens).filter((listen) => takesTcpPort(listen, PORT));
}

/** Judges the configuration. @throws NginxSyntaxError where it cannot be understood */
export function judgePort80(files: readonly ConfigurationFile[], host: string): HandOn | HandOnObstacle {
  const configuration = readConfiguration(files);
  const others = serversOf(configuration).filter((server) => server.kind === 'http' && !isOurs(server));
  const listens = others.flatMap(listensOnPort);
  if (listens.some(({ options }) => options.includes('proxy_protocol'))) return { reason: 'proxy-protocol' };
  if (!listens.some((listen) => !isLoopback(listen))) return { reason: 'not-public' };
  // A name with a dot before it stands for itself too.
  const rivalNames = [serverName(host), `.${serverName(host)}`];
  const isRival = (server: NginxServer) =>
    server.names.some((name) => rivalNames.includes(name)) && listensOnPort(server).length > 0;
  const rival = others.find(isRival);
  if (rival !== undefined) return { reason: 'same-name', file: rival.directive.file };
  const places = placesIn(configuration, new Set(files.map(({ path }) => path)));
  if (places.length === 0) return { reason: 'no-include' };
  return { places, listens: [...new Set(listens.map(({ address }) => placeOf(address, PORT)))] };
}
