/** Asks docker, podman or nerdctl about containers. */
import { FileError, readText } from '../../system/files.ts';
import { CommandError, findProgram, run } from '../../system/processes.ts';
import { withTemporaryDirectory } from '../../system/temporary.ts';
import { mentionsDerper } from './command.ts';
import { type ContainerFacts, parseInspection } from './container-facts.ts';
import type { ContainerEngine } from './existing.ts';

/** An engine that this program can speak with. */
export type KnownEngine = Exclude<ContainerEngine, 'other'>;

const PROGRAMS: Record<KnownEngine, string> = { docker: 'docker', podman: 'podman', containerd: 'nerdctl' };

/** Long enough for a slow disk, short enough for an engine that hangs. */
const ANSWER_MS = 20_000;

/** The program that speaks with an engine. */
export function engineProgram(engine: KnownEngine): string {
  return PROGRAMS[engine];
}

/** What the engine answers; undefined when it refuses, is not there or hangs. */
async function ask(engine: KnownEngine, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout } = await run(PROGRAMS[engine], args, { timeoutMs: ANSWER_MS });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** The engines whose programs are installed. */
export async function installedEngines(): Promise<KnownEngine[]> {
  const engines = Object.keys(PROGRAMS) as KnownEngine[];
  const paths = await Promise.all(engines.map((engine) => findProgram(PROGRAMS[engine])));
  return engines.filter((_, at) => paths[at] !== undefined);
}

async function inspectOnce(engine: KnownEngine, id: string): Promise<ContainerFacts | undefined> {
  const answer = await ask(engine, ['inspect', '--type=container', id]);
  return answer === undefined ? undefined : parseInspection(answer);
}

/** What the engine knows of a container; undefined when it does not answer or does not know it. */
export async function inspectContainer(engine: KnownEngine, id: string): Promise<ContainerFacts | undefined> {
  const facts = await inspectOnce(engine, id);
  const shared = /^container:(.+)$/.exec(facts?.networkMode ?? '')?.[1];
  if (facts === undefined || shared === undefined) return facts;
  // It uses another container's network, as beside a Tailscale sidecar; that one publishes the ports.
  const owner = await inspectOnce(engine, shared);
  return owner ? { ...facts, networkMode: owner.networkMode, published: owner.published } : facts;
}

/** The containers that do not run whose name, image or command names derper. */
export function parseStopped(answer: string): string[] {
  return answer.split('\n').flatMap((line) => {
    const [id = '', status = '', ...rest] = line.split('\t');
    return id !== '' && !/^Up\b/.test(status) && rest.some(mentionsDerper) ? [id] : [];
  });
}

/** The ids of such containers. */
export async function stoppedContainers(engine: KnownEngine): Promise<string[]> {
  const format = '{{.ID}}\t{{.Status}}\t{{.Names}}\t{{.Image}}\t{{.Command}}';
  return parseStopped((await ask(engine, ['ps', '--all', '--no-trunc', '--format', format])) ?? '');
}

/** Podman follows links without being told, and has no flag for it. */
const FOLLOW: Record<KnownEngine, string[]> = {
  docker: ['--follow-link'],
  podman: [],
  containerd: ['--follow-link'],
};

/** The text of a file as the container sees it, running or not; undefined when it cannot be had. */
export function copyFromContainer(engine: KnownEngine, id: string, path: string): Promise<string | undefined> {
  return withTemporaryDirectory('derp-setup-', async (directory) => {
    const copy = `${directory}/file`;
    if ((await ask(engine, ['cp', ...FOLLOW[engine], `${id}:${path}`, copy])) === undefined) return undefined;
    try {
      return await readText(copy);
    } catch (error) {
      // What has that name is a directory.
      if (error instanceof FileError) return undefined;
      throw error;
    }
  });
}
