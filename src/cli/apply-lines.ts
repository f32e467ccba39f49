/** What is told while a plan is carried out: one line for what belongs together, a spinner while it works. */
import type { ApplyEvents } from '../setup/apply.ts';
import type { PreviewedStep } from '../setup/preview.ts';
import { formatSeconds } from './columns.ts';
import type { Messages } from './messages/en.ts';
import type { Output } from './output.ts';
import { type GroupKind, groupKeyOf, type StepGroup } from './step-groups.ts';
import { describeGroup, memberTexts } from './step-texts.ts';
import { harmless } from './text.ts';

/** Times from here on are worth showing, milliseconds. */
const SLOW_MS = 1000;

/** Steps under way that are told together. */
interface OpenGroup {
  kind: GroupKind | undefined;
  key: string | undefined;
  members: PreviewedStep[];
  milliseconds: number;
}

/** The events of `applySteps` as lines; `end` tells what is left to be told, whether or not all went well. */
export interface ApplyProgress extends ApplyEvents {
  onStep: NonNullable<ApplyEvents['onStep']>;
  onStepDone: NonNullable<ApplyEvents['onStepDone']>;
  onUndo: NonNullable<ApplyEvents['onUndo']>;
  end(): void;
}

/** Tells on `output`. `terminal`: something can be drawn over, so that a line when a step begins is not needed. */
export function createApplyProgress(
  output: Output,
  messages: Messages,
  { terminal = process.stderr.isTTY === true }: { terminal?: boolean } = {},
): ApplyProgress {
  const paint = output.paintError;
  let open: OpenGroup | undefined;
  /** The step that has begun and not ended. */
  let running: PreviewedStep | undefined;
  let undoing = false;

  const asGroup = ({ kind, members }: OpenGroup): StepGroup => ({ kind: kind ?? 'directories', members });
  const textOf = (group: OpenGroup) => harmless(describeGroup(asGroup(group), messages).text);
  const close = () => {
    if (open === undefined) return;
    const group = open;
    open = undefined;
    const time = group.milliseconds >= SLOW_MS ? paint.dim(`   ${formatSeconds(group.milliseconds)}`) : '';
    if (group.members.length === 0) return;
    // Directories alone are worth no line; whatever they were for has one.
    if (group.kind === undefined && !output.verbose) return;
    output.progress(`  ${paint.green('✔')} ${textOf(group)}${time}`);
    if (!output.verbose) return;
    for (const line of memberTexts(asGroup(group), messages)) output.progress(paint.dim(`      ${harmless(line)}`));
  };
  const fail = () => {
    if (running === undefined) return;
    const { kind, key } = groupKeyOf(running.step);
    const failed = textOf({ kind, key, members: [running], milliseconds: 0 });
    running = undefined;
    output.error(`  ${paint.red('✖')} ${failed}`);
  };

  return {
    onStep: (step, finding) => {
      running = { step, finding };
      const { kind, key } = groupKeyOf(step);
      // A directory goes with what is put into it, whatever that will be.
      const isDirectory = step.kind === 'directory';
      const joins = open !== undefined && (isDirectory ? open.key === undefined : open.key === key);
      if (open !== undefined && !joins && open.key !== undefined) close();
      open ??= { kind: undefined, key: undefined, members: [], milliseconds: 0 };
      const begins = open.key === undefined && !isDirectory;
      if (begins) Object.assign(open, { kind, key });
      const text = textOf({ ...open, members: [...open.members, running] });
      output.busy(text);
      if (begins && !terminal) output.progress(`  … ${text}`);
    },
    onStepDone: (step, finding, milliseconds) => {
      running = undefined;
      if (open === undefined) return;
      open.members.push({ step, finding });
      open.milliseconds += milliseconds;
    },
    onUndo: (what) => {
      if (!undoing) {
        // The group holds what was done of it; that it is taken back is told by what follows.
        close();
        output.idle();
        fail();
      }
      undoing = true;
      output.busy(messages.plan.undoing(harmless(what)));
      if (!terminal || output.verbose) output.progress(`  ↶ ${messages.plan.undo(harmless(what))}`);
    },
    end: () => {
      close();
      output.idle();
      fail();
    },
  };
}

/** What was taken back, in one line that a person takes in at a glance. */
export function undoneLine(undone: readonly string[], { plan }: Messages): string {
  return `  ↶ ${plan.undone(undone.map(harmless))}`;
}
