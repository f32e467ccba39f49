/** The Docker engine of this machine, by its own command. */
import { CommandError, findProgram, type Run, run } from './processes.ts';

/** Docker as far as this user may use it. */
export interface Docker {
  /** The engine's version, or the command's where the engine does not answer; empty when neither is told. */
  version: string;
  /** The engine answers. */
  usable: boolean;
  /** The engine is there and refuses this user. */
  denied: boolean;
  /** It is a snap, which sees only homes of this machine: not /etc, and not /usr/local. */
  confined?: true;
  /** Docker Compose, if any: its version and how it is called. */
  compose?: { version: string; command: readonly string[] };
}

const TIMEOUT_MS = 10_000;

/** Where the commands of snaps are. */
const SNAPS = '/snap/';

/** How Compose is called: as a part of Docker, or as the older program of its own. */
const COMPOSE_COMMANDS = [['docker', 'compose'], ['docker-compose']] as const;

/** What `docker version --format '{{json .}}'` says, on standard output and, where the engine fails, on standard error. */
export function parseDockerVersion(stdout: string, stderr: string): Omit<Docker, 'compose' | 'confined'> {
  let told: { Client?: { Version?: string } | null; Server?: { Version?: string } | null } = {};
  try {
    told = (JSON.parse(stdout) ?? {}) as typeof told;
  } catch {
    // Old versions say nothing at all when they do not reach the engine.
  }
  const engine = told.Server?.Version;
  // It may also warn that it cannot read its own settings, which is no refusal.
  const denied = engine === undefined && /permission denied while trying to connect/i.test(stderr);
  return { version: engine ?? told.Client?.Version ?? '', usable: engine !== undefined, denied };
}

async function runIfThere(runner: Run, command: string, args: readonly string[]) {
  try {
    return await runner(command, args, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (error instanceof CommandError) return error.reason === 'not-found' ? undefined : { ...NOTHING };
    throw error;
  }
}

const NOTHING = { code: 1, stdout: '', stderr: '' };

async function findCompose(runner: Run): Promise<Docker['compose']> {
  for (const command of COMPOSE_COMMANDS) {
    const [program, ...args] = command;
    const result = await runIfThere(runner, program, [...args, 'version', '--short']);
    const version = result?.code === 0 ? /^v?([\w.+-]+)$/.exec(result.stdout.trim())?.[1] : undefined;
    if (version) return { version, command };
  }
  return undefined;
}

/** Docker on this machine; undefined when its command is not installed. */
export async function findDocker(runner: Run = run): Promise<Docker | undefined> {
  const result = await runIfThere(runner, 'docker', ['version', '--format', '{{json .}}']);
  if (result === undefined) return undefined;
  const [compose, path] = [await findCompose(runner), await findProgram('docker')];
  return {
    ...parseDockerVersion(result.stdout, result.stderr),
    ...(path?.startsWith(SNAPS) && { confined: true }),
    ...(compose ? { compose } : {}),
  };
}
