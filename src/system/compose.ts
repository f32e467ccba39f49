/** Projects of Docker Compose, in either of its two generations. */
import { mustRun, type Run, run } from './processes.ts';

/** Where a project is, and how Compose is called here. */
export interface ComposeCall {
  command: readonly string[];
  directory: string;
  project: string;
}

/** A container is given time to end, and a new one to be made; the old generation takes seconds to load alone. */
const ACT_TIMEOUT_MS = 120_000;

/** Compose reads its files in the directory that it works in, with what people have added in one of their own beside it. */
async function compose(
  { command, directory, project }: ComposeCall,
  args: readonly string[],
  runner: Run,
  signal?: AbortSignal,
): Promise<void> {
  const [program = '', ...first] = command;
  const options = { cwd: directory, timeoutMs: ACT_TIMEOUT_MS, ...(signal && { signal }) };
  await mustRun(program, [...first, '--project-name', project, ...args], options, runner);
}

/**
 * Has the containers of the project run as it says.
 * @param recreate also those that do, as what is mounted into them has changed
 * @throws CommandError
 */
export async function composeUp(
  call: ComposeCall,
  { recreate = false, signal }: { recreate?: boolean; signal?: AbortSignal } = {},
  runner: Run = run,
): Promise<void> {
  const how = recreate ? ['--force-recreate'] : [];
  await compose(call, ['up', '--detach', '--no-build', '--remove-orphans', ...how], runner, signal);
}

/** Stops the containers of the project and removes them, with its networks. @throws CommandError */
export async function composeDown(call: ComposeCall, runner: Run = run): Promise<void> {
  await compose(call, ['down', '--remove-orphans'], runner);
}
