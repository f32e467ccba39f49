/** What `docker inspect` says of a container, as far as taking it over needs it; podman and nerdctl say it alike. */
import { posix } from 'node:path';
import type { PortProtocol } from '../../system/ports.ts';

/** A place of the host's that a container sees as its own. */
export interface Mount {
  /** `bind`: a directory or file that somebody on the host chose. `volume`: kept by the engine. */
  kind: 'bind' | 'volume' | 'other';
  host: string;
  inside: string;
}

/** A port of the container's that the host passes on. */
export interface PublishedPort {
  protocol: PortProtocol;
  inside: number;
  host: number;
  /** Null: on every address of the host's. */
  address: string | null;
}

/** One container. */
export interface ContainerFacts {
  id: string;
  name: string;
  image: string;
  running: boolean;
  /** The first program in it, with its arguments. */
  command: string[];
  environment: Record<string, string>;
  workingDirectory: string;
  runsAsRoot: boolean;
  mounts: Mount[];
  /** `host`, `bridge`, a network's name, or `container:<id>`. */
  networkMode: string;
  published: PublishedPort[];
  /** As `docker update --restart` takes it: `no`, `always`, `unless-stopped`, `on-failure:3`. */
  restartPolicy: string;
  /** The engine deletes the container when it stops. */
  autoRemove: boolean;
  /** Swarm, which starts another container for each that stops. */
  swarm: boolean;
  /** Where the compose file is that the container comes from. */
  composeDirectory: string | undefined;
}

type Json = Record<string, unknown>;

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): string[] {
  return list(value).filter((item) => typeof item === 'string');
}

const EVERYWHERE = new Set(['', '0.0.0.0', '::']);

/** Ports as Docker writes them: `{"443/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8443"}]}`. */
function parsePorts(value: unknown): PublishedPort[] {
  return Object.entries(object(value)).flatMap(([key, bindings]) => {
    const match = /^(\d{1,5})\/(tcp|udp)$/.exec(key);
    if (!match) return [];
    return list(bindings).flatMap((binding): PublishedPort[] => {
      const { HostIp, HostPort } = object(binding);
      const host = Number(text(HostPort));
      if (!(host >= 1 && host <= 65_535)) return [];
      const address = EVERYWHERE.has(text(HostIp)) ? null : text(HostIp);
      return [{ protocol: match[2] as PortProtocol, inside: Number(match[1]), host, address }];
    });
  });
}

function parseMount(value: unknown): Mount {
  const { Type, Source, Destination } = object(value);
  const kind = Type === 'bind' || Type === 'volume' ? Type : 'other';
  return { kind, host: text(Source), inside: text(Destination) };
}

function parseEnvironment(value: unknown): Record<string, string> {
  return Object.fromEntries(
    texts(value).flatMap((entry): [string, string][] => {
      const at = entry.indexOf('=');
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
}

function parseRestartPolicy(value: unknown): string {
  const { Name, MaximumRetryCount } = object(value);
  const retries = Number(MaximumRetryCount);
  return Name === 'on-failure' && retries > 0 ? `on-failure:${retries}` : text(Name) || 'no';
}

/** Reads the answer to `inspect` of one container; undefined when it is none. */
export function parseInspection(answer: string): ContainerFacts | undefined {
  let json: unknown;
  try {
    json = JSON.parse(answer);
  } catch {
    return undefined;
  }
  const container = object(list(json)[0]);
  const id = text(container.Id);
  if (id === '') return undefined;
  const config = object(container.Config);
  const hostConfig = object(container.HostConfig);
  const labels = object(config.Labels);
  // Only a running container has the ports that the engine chose itself; a stopped one has none here.
  const active = parsePorts(object(container.NetworkSettings).Ports);
  return {
    id,
    name: text(container.Name).replace(/^\//, ''),
    image: text(config.Image) || text(container.ImageName) || text(container.Image),
    running: object(container.State).Running === true,
    command: [text(container.Path), ...texts(container.Args)].filter((word, at) => at > 0 || word !== ''),
    environment: parseEnvironment(config.Env),
    workingDirectory: text(config.WorkingDir) || '/',
    runsAsRoot: /^(root|0)?(:.*)?$/.test(text(config.User)),
    mounts: list(container.Mounts).map(parseMount),
    networkMode: text(hostConfig.NetworkMode),
    published: active.length > 0 ? active : parsePorts(hostConfig.PortBindings),
    restartPolicy: parseRestartPolicy(hostConfig.RestartPolicy),
    autoRemove: hostConfig.AutoRemove === true,
    swarm: labels['com.docker.swarm.task.id'] !== undefined,
    composeDirectory: text(labels['com.docker.compose.project.working_dir']) || undefined,
  };
}

/** Where a path inside the container is on the host; undefined when it is in the container alone. */
export function hostPathOf(mounts: readonly Mount[], path: string): { path: string; kind: Mount['kind'] } | undefined {
  const inside = posix.normalize(path);
  const holders = mounts.filter(
    (mount) =>
      mount.host !== '' && (inside === mount.inside || inside.startsWith(`${mount.inside.replace(/\/$/, '')}/`)),
  );
  // A mount may lie within another one; the longest is the one that is seen.
  const mount = holders.sort((a, b) => b.inside.length - a.inside.length)[0];
  return mount && { path: posix.join(mount.host, inside.slice(mount.inside.length)), kind: mount.kind };
}

/** The port of the host's that leads to a port inside; undefined when none does. */
export function hostPortOf(
  { networkMode, published }: Pick<ContainerFacts, 'networkMode' | 'published'>,
  protocol: PortProtocol,
  inside: number,
): { port: number; address: string | null } | undefined {
  if (networkMode === 'host') return { port: inside, address: null };
  const found = published.filter((port) => port.protocol === protocol && port.inside === inside);
  const best = found.find(({ address }) => address === null) ?? found[0];
  return best && { port: best.host, address: best.address };
}
