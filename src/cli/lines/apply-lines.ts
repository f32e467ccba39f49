/** What is told while a plan is carried out: the lines of the plan once more, a spinner while it works. */
import type { Step } from '../../deploy/steps.ts';
import type { ApplyEvents } from '../../setup/apply.ts';
import type { PreviewedStep } from '../../setup/preview.ts';
import type { Messages } from '../messages/en.ts';
import type { Output } from '../output.ts';
import { formatSeconds } from './columns.ts';
import { groupKeyOf, groupSteps, type StepGroup } from './step-groups.ts';
import { describeGroup, memberTexts } from './step-texts.ts';
import { harmless } from './text.ts';

/** Times from here on are worth showing, milliseconds. */
const SLOW_MS = 1000;

/** A line of the plan, while its steps are taken. */
interface Progress {
  group: StepGroup;
  /** How many of its steps are not taken yet. */
  left: number;
  milliseconds: number;
  begun: boolean;
  told: boolean;
}

/** The events of `applySteps` as lines. */
export interface ApplyProgress extends ApplyEvents {
  onStep: NonNullable<ApplyEvents['onStep']>;
  onStepDone: NonNullable<ApplyEvents['onStepDone']>;
  onUndo: NonNullable<ApplyEvents['onUndo']>;
  /** All steps were taken: tells what is left to be told. */
  done(): void;
  /** Tells the step that did not end, if there is one. */
  failed(): void;
}

/** How it is told. */
export interface ApplyProgressOptions {
  /** Something can be drawn over, so that a line when a step begins is not needed. */
  terminal?: boolean;
}

/** Tells on `output` how the steps of `preview` are taken. */
export function createApplyProgress(
  output: Output,
  messages: Messages,
  preview: readonly PreviewedStep[],
  { terminal = process.stderr.isTTY === true }: ApplyProgressOptions = {},
): ApplyProgress {
  const paint = output.paintError;
  const rows = groupSteps(preview).map(
    (group): Progress => ({ group, left: group.members.length, milliseconds: 0, begun: false, told: false }),
  );
  const rowOf = new Map<Step, Progress>();
  for (const row of rows) for (const { step } of row.group.members) rowOf.set(step, row);
  /** The step that has begun and not ended. */
  let running: PreviewedStep | undefined;
  let undoing = false;

  const textOf = (group: StepGroup) => harmless(describeGroup(group, messages).text);
  const tell = (row: Progress) => {
    if (row.told) return;
    row.told = true;
    const time = row.milliseconds >= SLOW_MS ? paint.dim(`   ${formatSeconds(row.milliseconds)}`) : '';
    output.progress(`  ${paint.green('✔')} ${textOf(row.group)}${time}`);
    if (!output.verbose) return;
    for (const line of memberTexts(row.group, messages)) output.progress(paint.dim(`      ${harmless(line)}`));
  };
  const fail = () => {
    output.idle();
    if (running === undefined) return;
    // Of several that are told in one line it was this one.
    const text = textOf({ kind: groupKeyOf(running.step).kind, members: [running] });
    running = undefined;
    output.error(`  ${paint.red('✖')} ${text}`);
  };

  return {
    onStep: (step, finding) => {
      running = { step, finding };
      const row = rowOf.get(step);
      // What only becomes necessary by the steps before it is no line of the plan.
      if (row === undefined) return;
      const text = textOf(row.group);
      output.busy(text);
      if (!terminal && !row.begun) output.progress(`  … ${text}`);
      row.begun = true;
    },
    onStepDone: (step, _, milliseconds) => {
      running = undefined;
      const row = rowOf.get(step);
      if (row === undefined) return;
      row.left--;
      row.milliseconds += milliseconds;
      if (row.left === 0) tell(row);
    },
    onUndo: (what) => {
      if (!undoing) fail();
      undoing = true;
      output.busy(messages.plan.undoing(harmless(what)));
      if (!terminal || output.verbose) output.progress(`  ↶ ${messages.plan.undo(harmless(what))}`);
    },
    done: () => {
      output.idle();
      // Some of its steps had nothing to do any more.
      for (const row of rows) if (row.begun) tell(row);
    },
    failed: fail,
  };
}
