/** What a plan would change on the machine as it is, step by step. Changes nothing. */
import type { Step } from '../deploy/steps.ts';
import type { Finding, StepContext } from './steps/handler.ts';
import { handlerOf, subjectOf } from './steps/handlers.ts';

/** A step with something to do. */
export interface PreviewedStep {
  step: Step;
  finding: Finding;
}

/** What steps must know of a run. */
export type RunFacts = Pick<StepContext, 'onMachine' | 'written' | 'derper' | 'unfinished'>;

/** The steps that have something to do, in order. @throws FileError where the machine cannot be looked at */
export async function previewSteps(
  steps: readonly Step[],
  facts: RunFacts,
  signal: AbortSignal,
): Promise<PreviewedStep[]> {
  const changed = new Set<string>();
  const context: StepContext = { ...facts, changed, signal, remember: () => {} };
  const previewed: PreviewedStep[] = [];
  for (const step of steps) {
    signal.throwIfAborted();
    const finding = await handlerOf(step).inspect(step, context);
    if (finding === undefined) continue;
    changed.add(subjectOf(step));
    previewed.push({ step, finding });
  }
  return previewed;
}
