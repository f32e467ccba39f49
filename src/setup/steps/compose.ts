import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ComposeStep } from '../../deploy/steps.ts';
import { type ComposeCall, composeDown, composeUp } from '../../system/compose.ts';
import {
  type ContainerState,
  containerLog,
  containerState,
  removeContainer,
  signalContainer,
  stopContainer,
} from '../../system/containers.ts';
import { readText } from '../../system/files.ts';
import { CommandError } from '../../system/processes.ts';
import { becomesServed } from '../certificate/serving.ts';
import { callOf, stateOrSilent } from '../compose/engine.ts';
import { readRelayStatus } from '../relay-status.ts';
import type { Finding, StepContext, StepHandler, Undo } from './handler.ts';

/** How long a relay may take until it serves, milliseconds; slow machines take a few seconds to load it. */
const START_TIMEOUT_MS = 30_000;
/** How long it may take to read a few files again, milliseconds. */
const RELOAD_TIMEOUT_MS = 10_000;
const POLL_MS = 200;
/** Lines of the log that are shown when it does not. */
const LOG_LINES = 12;

/** The container did not get to serve. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError';
  readonly container: string;
  /**
   * `refused`: Docker did not start it, and says why; `ended`: the relay ended by itself; `silent`: it runs and does not
   * answer; `stale`: it serves the certificate that it served before.
   */
  readonly problem: 'refused' | 'ended' | 'silent' | 'stale';
  readonly exitStatus: number | undefined;
  /** The last lines of its log, or of what Docker said. */
  readonly log: readonly string[];

  constructor(
    container: string,
    problem: ContainerError['problem'],
    log: readonly string[],
    exitStatus?: number | undefined,
  ) {
    super(`${container} (${problem})`);
    this.container = container;
    this.problem = problem;
    this.exitStatus = exitStatus;
    this.log = log;
  }
}

type Action = 'start' | 'recreate' | 'reload';
type ActionFacts = Pick<StepContext, 'changed' | 'unfinished'>;

const touches = (paths: readonly string[], changed: ReadonlySet<string>) => paths.some((path) => changed.has(path));

/** What must be done for the container to run what is written. */
export function neededAction(
  { restartFor, reloadFor }: Pick<ComposeStep, 'restartFor' | 'reloadFor'>,
  state: Pick<ContainerState, 'status'> | undefined,
  { changed, unfinished }: ActionFacts,
): Action | undefined {
  // A container that was stopped was made of the files as they were then.
  if (state === undefined) return 'start';
  if (state.status !== 'running' || unfinished || touches(restartFor, changed)) return 'recreate';
  return touches(reloadFor, changed) ? 'reload' : undefined;
}

/** The last lines of what a program said. */
const lastLines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-LOG_LINES);

/** Has Compose do its work; what Docker says when it does not is all that can be known then. @throws ContainerError */
async function refusable(container: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CommandError) || error.reason === 'aborted') throw error;
    const said = lastLines(error.stderr);
    throw new ContainerError(container, 'refused', said.length > 0 ? said : [error.message]);
  }
}

/** Resolves when the relay in the container answers. @throws ContainerError */
async function waitUntilServing(
  { project: { container }, derpPort }: ComposeStep,
  since: Date,
  signal: AbortSignal,
): Promise<void> {
  const log = () => containerLog(container, { lines: LOG_LINES, since });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const state = await containerState(container);
    // A new container that Docker has had to start again has ended once already.
    const ended = state === undefined || state.status !== 'running' || state.restarts > 0;
    if (ended) throw new ContainerError(container, 'ended', await log(), state?.exitStatus);
    if ((await readRelayStatus(derpPort, signal)) !== undefined) return;
    await delay(POLL_MS, undefined, { signal });
  }
  throw new ContainerError(container, 'silent', await log());
}

/** Resolves when the certificate of the file is the one that is served: a reload is only a signal. @throws ContainerError */
async function waitUntilServed(step: ComposeStep, since: Date, signal: AbortSignal): Promise<void> {
  const { certificate, derpPort, project } = step;
  if (certificate === undefined) return;
  const wanted = new X509Certificate(await readText(certificate.file));
  const where = { host: certificate.host, port: derpPort, withinMs: RELOAD_TIMEOUT_MS };
  if (await becomesServed(wanted, where, signal)) return;
  const { container } = project;
  throw new ContainerError(container, 'stale', await containerLog(container, { lines: LOG_LINES, since }));
}

/** How the way back is gone: with the old files in place, as it was. */
function wayBack(call: ComposeCall, container: string, before: ContainerState | undefined, action: Action | undefined) {
  // With the files that it was made of, which are put back after this.
  if (before === undefined) return { now: () => composeDown(call).catch(() => removeContainer(container)) };
  const again = async () => {
    if (action === 'reload') return signalContainer(container, 'HUP');
    await composeUp(call, { recreate: true });
    if (before.status === 'exited' || before.status === 'created') await stopContainer(container);
  };
  return { now: async () => {}, afterwards: again } satisfies Omit<Undo, 'what'>;
}

/** Has the container run what was written. */
export const composeHandler: StepHandler<ComposeStep> = {
  async inspect(step, context): Promise<Finding | undefined> {
    const state = await stateOrSilent(step.project.container);
    // An engine that does not answer runs nothing; whether it can be started is found out then.
    const action = neededAction(step, state === 'silent' ? undefined : state, context);
    return action === undefined ? undefined : { change: 'run', details: [action] };
  },

  async apply(step, context) {
    const { signal, remember } = context;
    const { command, project } = step;
    const { container } = project;
    const call = callOf(command, project);
    const before = await containerState(container);
    const action = neededAction(step, before, context);
    const since = new Date();
    remember({ what: container, ...wayBack(call, container, before, action) });
    if (action === 'reload') await signalContainer(container, 'HUP');
    else await refusable(container, () => composeUp(call, { recreate: action === 'recreate', signal }));
    await waitUntilServing(step, since, signal);
    if (action === 'reload') await waitUntilServed(step, since, signal);
  },
};
