/**
 * How the relay shares a port with the websites of an nginx: a stream server of ours takes the port and passes each
 * connection on by the name that it asks for; the sites move to loopback addresses. Pure: texts in, texts out.
 */
import { posix } from 'node:path';
import { blockOf, type NginxConfiguration, named, readConfiguration } from './configuration.ts';
import { type Directive, NginxSyntaxError } from './directives.ts';
import { type Door, doorsOf, innerOptions } from './doors.ts';
import { type FileEdit, fileEdit, type TextChange } from './file-edits.ts';
import type { ByHand, NginxObstacle, Place } from './obstacle.ts';
import { type OwnRoute, ownRoute } from './own-stream.ts';
import { placeStream, SITES_FILE } from './placement.ts';
import { oddity, placeIn, siteObstacles, unfitFiles } from './site-obstacles.ts';
import { checksOf, type Site, type SiteCheck, type SourceFile, sitesOn } from './sites.ts';
import { type NginxTemplates, type SharedPort, sitesFile, streamFile } from './stream-files.ts';
import { buildObstacles, type NginxBuild } from './suitability.ts';

/** What the plan is made from. */
export interface BypassInput extends SharedPort {
  build: NginxBuild;
  /** The main file first. */
  files: readonly SourceFile[];
  /** Folders that are there, of those that the configuration includes. */
  directories: ReadonlySet<string>;
  /** The system's id in /etc/os-release. */
  osId: string;
  templates: NginxTemplates;
}

/** Files to write and to edit. */
export interface Bypass {
  files: { path: string; content: string }[];
  edits: FileEdit[];
  doors: Door[];
  sites: SiteCheck[];
  /** `worker_connections`, where it is a small number: each connection now takes two or three. */
  fewConnections?: number;
  /** Where sites use `$server_port`, which is another one from now on. */
  serverPortUses: Place[];
}

/** The plan; or the route that somebody has made by hand; or what is in the way. */
export type BypassPlan =
  | { kind: 'edits'; bypass: Bypass }
  | { kind: 'by-hand'; route: OwnRoute }
  | { kind: 'obstacles'; obstacles: NginxObstacle[]; byHand?: Bypass };

/** Fewer connections for each worker than this are worth a word. */
const FEW_CONNECTIONS = 2048;

/** The changes that move the sites, by file. */
function siteChanges(sites: readonly Site[], doors: readonly Door[], sitesPort: number, sitesPath: string) {
  const changes = new Map<string, Map<number, TextChange>>();
  for (const { listens } of sites) {
    for (const [at, { directive, address, options }] of listens.entries()) {
      const door = doors.find((each) => each.address === address)!;
      const words = ['listen', `${door.inner}:${sitesPort}`, ...innerOptions(options), 'proxy_protocol'];
      const text = `${words.join(' ')};${at === 0 ? ` include ${sitesPath};` : ''}`;
      const inFile = changes.get(directive.file) ?? new Map<number, TextChange>();
      inFile.set(directive.start, { start: directive.start, end: directive.end, text });
      changes.set(directive.file, inFile);
    }
  }
  return changes;
}

function serverPortUses(main: readonly Directive[]): Place[] {
  const uses: Place[] = [];
  const look = (directives: readonly Directive[]) => {
    for (const directive of directives) {
      if (directive.args.some((word) => /\$(?:server_port\b|\{server_port\})/.test(word)))
        uses.push(placeIn(directive));
      look(directive.block ?? []);
    }
  };
  look(main);
  return [...new Map(uses.map((use) => [`${use.file}:${use.line}`, use])).values()];
}

function workerConnections(main: readonly Directive[]): number {
  const text = named(blockOf(main, 'events')?.block, 'worker_connections').at(-1)?.args[0];
  return text === undefined ? 512 : Number(text);
}

/** The edits that give the port to a stream server of ours. */
function editsFor(input: BypassInput, configuration: NginxConfiguration, sites: readonly Site[]): Bypass {
  const { files, directories, templates, sitesPort, host, port } = input;
  const { main, prefix } = configuration;
  const doors = doorsOf(sites.flatMap(({ listens }) => listens));
  const sitesPath = posix.join(prefix, SITES_FILE);
  const changes = siteChanges(sites, doors, sitesPort, sitesPath);
  const stream = blockOf(main, 'stream');
  const placement = placeStream(
    configuration,
    stream,
    new Map(files.map(({ path, text }) => [path, text])),
    directories,
  );
  const { include } = placement;
  if (include !== undefined) {
    const inFile = changes.get(include.file) ?? new Map<number, TextChange>();
    changes.set(include.file, inFile.set(include.start, include));
  }
  // One file may be known by several names; its changes are the same.
  const edited = new Map<string, { source: SourceFile; changes: Map<number, TextChange> }>();
  for (const [path, found] of changes) {
    const source = files.find((file) => file.path === path)!;
    const known = edited.get(source.realPath) ?? { source, changes: new Map<number, TextChange>() };
    for (const [at, change] of found) known.changes.set(at, change);
    edited.set(source.realPath, known);
  }
  const namesRedirects = sites.some(({ server }) => named(server.directive.block, 'port_in_redirect').length > 0);
  const connections = workerConnections(main);
  return {
    files: [
      { path: sitesPath, content: sitesFile(templates, { namesRedirects }) },
      { path: placement.path, content: streamFile(templates, input, doors, { inOwnBlock: stream === undefined }) },
    ],
    edits: [...edited.values()]
      .map(({ source, changes: found }) => fileEdit(source.realPath, source.text, [...found.values()]))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    doors,
    sites: checksOf(sites, host, port, doors),
    serverPortUses: serverPortUses(main),
    ...(connections < FEW_CONNECTIONS && { fewConnections: connections }),
  };
}

/** What a person would write in our place: all but what is odd, which is named by itself. */
function byHandEdits(
  input: BypassInput,
  configuration: NginxConfiguration,
  sites: readonly Site[],
): Bypass | undefined {
  const movable = sites.flatMap(({ server, listens }): Site[] => {
    const plain = listens.filter((listen) => oddity(listen) === undefined);
    return plain.length > 0 ? [{ server, listens: plain }] : [];
  });
  return movable.length === 0 ? undefined : editsFor(input, configuration, movable);
}

/** How nginx's configuration is changed so that the relay shares the port, or why it cannot be. */
export function planBypass(input: BypassInput): BypassPlan {
  const { host, port, relayPort, files, build, osId } = input;
  let configuration: NginxConfiguration;
  try {
    configuration = readConfiguration(files);
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
    const { file, line, message } = error;
    return { kind: 'obstacles', obstacles: [{ code: 'nginx-unread', file, line, problem: message }] };
  }
  const byHand: ByHand = { host, port, relayPort };
  const obstacles = buildObstacles(build, configuration, osId);
  const onPort = sitesOn(configuration, port);
  const own = onPort.find(({ server }) => server.kind === 'stream');
  if (own !== undefined) {
    const route = ownRoute(own.server, configuration, host);
    if (route !== undefined) return { kind: 'by-hand', route };
    obstacles.push({ code: 'nginx-own-stream', ...byHand, ...placeIn(own.server.directive) });
    return { kind: 'obstacles', obstacles };
  }
  if (onPort.length === 0) return { kind: 'obstacles', obstacles: [...obstacles, { code: 'nginx-port-unused', port }] };
  obstacles.push(...siteObstacles(onPort, configuration, byHand));
  const bypass = byHandEdits(input, configuration, onPort);
  obstacles.push(...unfitFiles(files, configuration, bypass?.edits ?? []));
  if (bypass !== undefined && obstacles.length === 0) return { kind: 'edits', bypass };
  return { kind: 'obstacles', obstacles, ...(bypass && { byHand: bypass }) };
}
