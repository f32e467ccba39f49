/** Docker's engine and Compose, as steps ask them. */
import type { ComposeProject } from '../../deploy/steps.ts';
import type { ComposeCall } from '../../system/compose.ts';
import { type ContainerState, containerState } from '../../system/containers.ts';
import { CommandError } from '../../system/processes.ts';

/** Docker is there, and its engine does not answer. */
export class EngineSilentError extends Error {
  override readonly name = 'EngineSilentError';
}

/** The state of a container; `silent` where the engine cannot be asked, undefined also where there is no Docker. */
export async function stateOrSilent(container: string): Promise<ContainerState | 'silent' | undefined> {
  try {
    return await containerState(container);
  } catch (error) {
    if (!(error instanceof CommandError) || error.reason === 'aborted') throw error;
    // Where there is no Docker any more there is no container either.
    return error.reason === 'not-found' ? undefined : 'silent';
  }
}

/** How Compose is called for a project. */
export function callOf(command: readonly string[], { directory, name }: ComposeProject): ComposeCall {
  return { command, directory, project: name };
}
