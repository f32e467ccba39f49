/** Whose a process is, from the text of /proc/<pid>/cgroup. */
import type { ContainerEngine } from './existing.ts';

/** What the control groups say. */
export interface CgroupOwner {
  container?: { engine: ContainerEngine; id: string };
  /** The system service that the process belongs to, if any; users' own services are not meant. */
  unit?: string;
}

const ID = '([0-9a-f]{64})';

/** The names that engines give to their containers' groups, with systemd as the driver and without. */
const CONTAINERS: [RegExp, ContainerEngine][] = [
  // Kubernetes first: it names its groups as the engine below it does, and starts again whatever is stopped there.
  [new RegExp(`kubepods.*${ID}`), 'other'],
  [new RegExp(`/docker[/-]${ID}`), 'docker'],
  [new RegExp(`/libpod-(?:payload-)?${ID}`), 'podman'],
  [new RegExp(`/(?:cri-containerd|crio)-${ID}`), 'other'],
  [new RegExp(`/nerdctl-${ID}|/default/${ID}`), 'containerd'],
  // Docker with --cgroup-parent.
  [new RegExp(`/${ID}$`), 'docker'],
];

function containerOf(path: string): CgroupOwner['container'] {
  for (const [pattern, engine] of CONTAINERS) {
    const match = pattern.exec(path);
    const id = match?.[1] ?? match?.[2];
    if (id !== undefined) return { engine, id };
  }
  return undefined;
}

function unitOf(path: string): string | undefined {
  const parts = path.split('/');
  // Below user@1000.service are the services of that user's own manager.
  if (parts.some((part) => /^user@\d+\.service$/.test(part))) return undefined;
  return parts.findLast((part) => part.endsWith('.service'));
}

/** Reads lines such as `0::/system.slice/derper.service` (cgroup v2) and `1:name=systemd:/…` (v1). */
export function readCgroup(text: string): CgroupOwner {
  const paths = text
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, controllers, path]) => ({ controllers, path: path! }));
  const container = paths.map(({ path }) => containerOf(path)).find((found) => found !== undefined);
  const unit = paths
    .filter(({ controllers }) => controllers === '' || controllers === 'name=systemd')
    .map(({ path }) => unitOf(path))
    .find((found) => found !== undefined);
  return { ...(container && { container }), ...(unit !== undefined && { unit }) };
}
