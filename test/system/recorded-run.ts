import type { CommandResult, Run, RunOptions } from '../../src/system/processes.ts';

/**
 * Stands where a program cannot be run in a test because it would change the machine, or is not on it: gives answers
 * that were recorded from the real one, and remembers what was run.
 */
export function recordedRun(
  answer: (command: string, args: readonly string[]) => Partial<CommandResult> | undefined = () => undefined,
): { run: Run; commands: string[]; options: (RunOptions | undefined)[] } {
  const commands: string[] = [];
  const options: (RunOptions | undefined)[] = [];
  const run: Run = async (command, args, given) => {
    commands.push([command, ...args].join(' '));
    options.push(given);
    return { code: 0, stdout: '', stderr: '', ...answer(command, args) };
  };
  return { run, commands, options };
}
