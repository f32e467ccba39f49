/** What runs the installed relay, to be asked and told the same: a unit of systemd, or a container of Docker. */
import { layoutBelow, RELAY_CONTAINER, RELAY_UNIT } from '../deploy/layout.ts';
import type { DeployTarget } from '../deploy/target.ts';
import { type ContainerState, containerState, signalContainer, startContainer } from '../system/containers.ts';
import { CommandError } from '../system/processes.ts';
import { isSystemdRunning, reloadUnit, resetFailedUnit, startUnit, unitState } from '../system/services.ts';
import { readSavedAnswers } from './answers/documents.ts';

/** The installed relay as a whole. */
export interface RelayRunner {
  /** `stopped`: somebody has stopped it, and does not want it started at night; `failed`: it should run, and does not. */
  state(): Promise<'running' | 'stopped' | 'failed'>;
  /** Has it read certificates and lists again; nobody is disconnected. @throws CommandError */
  reload(): Promise<void>;
  /** Starts one that has failed. @throws CommandError */
  start(): Promise<void>;
}

const unitRunner: RelayRunner = {
  async state() {
    const { active } = await unitState(RELAY_UNIT);
    if (active === 'active') return 'running';
    return active === 'inactive' ? 'stopped' : 'failed';
  },
  reload: () => reloadUnit(RELAY_UNIT),
  async start() {
    await resetFailedUnit(RELAY_UNIT);
    await startUnit(RELAY_UNIT);
  },
};

/** Docker starts one that ended by itself again and again; one that it lets lie was stopped by somebody. */
export function containerCondition(
  state: Pick<ContainerState, 'status'> | undefined,
): 'running' | 'stopped' | 'failed' {
  if (state?.status === 'running') return 'running';
  return state?.status === 'restarting' ? 'failed' : 'stopped';
}

const containerRunner: RelayRunner = {
  async state() {
    try {
      return containerCondition(await containerState(RELAY_CONTAINER));
    } catch (error) {
      // Without its engine it does not run, and cannot be started.
      if (error instanceof CommandError) return 'stopped';
      throw error;
    }
  },
  reload: () => signalContainer(RELAY_CONTAINER, 'HUP'),
  start: () => startContainer(RELAY_CONTAINER),
};

/** The runner of a target. */
export function runnerOf(target: DeployTarget | undefined): RelayRunner {
  return target === 'compose' ? containerRunner : unitRunner;
}

/** The runner of the relay that is installed on this machine, by its answers. */
export async function installedRunner(): Promise<RelayRunner> {
  const { document } = await readSavedAnswers(layoutBelow('/').config);
  return runnerOf(document?.values.deploy === 'compose' ? 'compose' : undefined);
}

/** The processes of the relay on this machine, whatever runs it; this one too, as it may serve inside it. */
export async function relayPids(): Promise<ReadonlySet<number>> {
  // No Docker or no systemctl, or none that answers.
  const unlessSilent = (error: unknown) => {
    if (error instanceof CommandError) return undefined;
    throw error;
  };
  const [unit, container] = await Promise.all([
    isSystemdRunning()
      .then((runs) => (runs ? unitState(RELAY_UNIT) : undefined))
      .catch(unlessSilent),
    containerState(RELAY_CONTAINER).catch(unlessSilent),
  ]);
  const isOurs = container?.projectDirectory === layoutBelow('/').composeDirectory;
  const pids = [process.pid, unit?.mainPid, isOurs ? container.pid : undefined];
  return new Set(pids.filter((pid) => pid !== undefined));
}
