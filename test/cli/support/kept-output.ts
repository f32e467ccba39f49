/** An output whose lines are kept, with the stream that they went to. */
import { createOutput, type OutputOptions } from '../../../src/cli/output.ts';

/** The output, and everything printed on it so far. */
export function keptOutput(options: Partial<OutputOptions> = {}, isTTY = false) {
  const printed = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write: (text: string) => {
      printed[name] += text;
    },
  });
  const output = createOutput({
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    environment: {},
    json: false,
    quiet: false,
    verbose: false,
    color: true,
    ...options,
  });
  return { output, printed };
}
