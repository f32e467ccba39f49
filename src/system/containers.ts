/** Containers and images of Docker, by its own command. */
import { CommandError, mustRun, orThrow, type Run, run } from './processes.ts';

/** What Docker knows of a container. */
export interface ContainerState {
  id: string;
  status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** By its own check; absent where it has none. */
  health?: 'starting' | 'healthy' | 'unhealthy';
  /** The first process in it, by its number on the machine. */
  pid?: number;
  /** How its first process ended last; absent while it runs. */
  exitStatus?: number;
  /** How often Docker has started it again by itself. */
  restarts: number;
  /** When it was started last. */
  since?: Date;
  /** Docker starts it again when the machine was started. */
  startsAtBoot: boolean;
  /** As it was named, and the one that this name stood for then. */
  image: string;
  imageId: string;
  /** Where the files of its project of Docker Compose are; absent when it is in none. */
  projectDirectory?: string;
}

const ASK_TIMEOUT_MS = 15_000;
/** A container may take the time that it is given to end. */
const ACT_TIMEOUT_MS = 60_000;
/** Some hundred megabytes over a slow line. */
const PULL_TIMEOUT_MS = 15 * 60_000;

const WITHOUT = /^Error: No such (?:object|container|image)|No such (?:object|container|image):/im;
/** Never: in Docker's words. */
const NEVER = '0001-01-01T00:00:00Z';

/** The part of `docker inspect` that matters here. */
interface Inspection {
  Id: string;
  Image: string;
  RestartCount?: number;
  State: {
    Status: ContainerState['status'];
    Pid?: number;
    ExitCode?: number;
    StartedAt?: string;
    Health?: { Status?: string } | null;
  };
  Config: { Image: string; Labels?: Record<string, string> | null };
  HostConfig: { RestartPolicy?: { Name?: string } | null };
}

/** The answer of `docker inspect` for one container; undefined when it is none. */
export function parseContainerState(text: string): ContainerState | undefined {
  let found: Inspection | undefined;
  try {
    [found] = JSON.parse(text) as Inspection[];
  } catch {
    return undefined;
  }
  if (typeof found?.Id !== 'string' || typeof found.State?.Status !== 'string') return undefined;
  const { Pid = 0, ExitCode, StartedAt = NEVER, Status, Health } = found.State;
  const health = Health?.Status;
  const since = StartedAt === NEVER ? undefined : new Date(StartedAt);
  const policy = found.HostConfig?.RestartPolicy?.Name ?? '';
  const labels = found.Config?.Labels ?? {};
  const projectDirectory = labels['com.docker.compose.project.working_dir'];
  return {
    id: found.Id,
    status: Status,
    ...((health === 'starting' || health === 'healthy' || health === 'unhealthy') && { health }),
    ...(Pid > 0 && { pid: Pid }),
    ...(Pid === 0 && ExitCode !== undefined && Status !== 'created' && { exitStatus: ExitCode }),
    restarts: found.RestartCount ?? 0,
    ...(since && !Number.isNaN(since.getTime()) && { since }),
    startsAtBoot: policy === 'always' || policy === 'unless-stopped',
    image: found.Config?.Image ?? '',
    imageId: found.Image ?? '',
    ...(projectDirectory !== undefined && { projectDirectory }),
  };
}

/** The state of a container; undefined where there is none of that name. @throws CommandError when Docker does not answer */
export async function containerState(name: string, runner: Run = run): Promise<ContainerState | undefined> {
  const args = ['inspect', '--type=container', '--', name];
  const result = await runner('docker', args, { timeoutMs: ASK_TIMEOUT_MS });
  if (result.code !== 0 && WITHOUT.test(result.stderr)) return undefined;
  return parseContainerState(orThrow('docker', args, result).stdout);
}

/**
 * The last lines that a container wrote, the oldest first; none where they cannot be had. They are shown to explain
 * another failure, so it never fails itself.
 */
export async function containerLog(
  name: string,
  { lines, since }: { lines: number; since?: Date },
  runner: Run = run,
): Promise<string[]> {
  const from = since ? ['--since', since.toISOString()] : [];
  try {
    const args = ['logs', '--tail', String(lines), ...from, '--', name];
    const { code, stdout, stderr } = await runner('docker', args, { timeoutMs: ASK_TIMEOUT_MS });
    return code === 0 ? `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '') : [];
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}

/** Sends a signal to the first process in a container. @throws CommandError */
export async function signalContainer(name: string, signal: 'HUP', runner: Run = run): Promise<void> {
  await mustRun('docker', ['kill', `--signal=${signal}`, '--', name], { timeoutMs: ASK_TIMEOUT_MS }, runner);
}

/** Starts a container that is there. @throws CommandError */
export async function startContainer(name: string, runner: Run = run): Promise<void> {
  await mustRun('docker', ['start', '--', name], { timeoutMs: ACT_TIMEOUT_MS }, runner);
}

/** Stops a container. @throws CommandError */
export async function stopContainer(name: string, runner: Run = run): Promise<void> {
  await mustRun('docker', ['stop', '--', name], { timeoutMs: ACT_TIMEOUT_MS }, runner);
}

/** Stops a container and removes it; fine if there is none. @throws CommandError */
export async function removeContainer(name: string, runner: Run = run): Promise<void> {
  // Told to end first, so that its clients are told to come back.
  await runner('docker', ['stop', '--', name], { timeoutMs: ACT_TIMEOUT_MS });
  const args = ['rm', '--force', '--', name];
  const result = await runner('docker', args, { timeoutMs: ACT_TIMEOUT_MS });
  if (!WITHOUT.test(result.stderr)) orThrow('docker', args, result);
}

/** What an image's name stands for on this machine; undefined when it is not there. @throws CommandError */
export async function imageId(image: string, runner: Run = run): Promise<string | undefined> {
  const args = ['image', 'inspect', '--format', '{{.Id}}', '--', image];
  const result = await runner('docker', args, { timeoutMs: ASK_TIMEOUT_MS });
  if (result.code !== 0 && WITHOUT.test(result.stderr)) return undefined;
  return orThrow('docker', args, result).stdout.trim() || undefined;
}

/** Pulls an image from its registry. @throws CommandError */
export async function pullImage(image: string, signal: AbortSignal, runner: Run = run): Promise<void> {
  await mustRun('docker', ['pull', '--quiet', '--', image], { timeoutMs: PULL_TIMEOUT_MS, signal }, runner);
}
