/** Between two questions: shows that something takes its time, and keeps keys that are pressed meanwhile off the screen. */
import type { Output } from '../output.ts';
import { type Terminal, WizardInterrupted } from './prompter.ts';

const CTRL_C = 0x03;

/**
 * Waits for `work`, with a spinner. Keys are swallowed, since they would be echoed between the lines; Ctrl-C is not.
 * @throws WizardInterrupted
 */
export async function whileBusy<T>(
  text: string,
  work: Promise<T>,
  output: Output,
  { stdin }: Pick<Terminal, 'stdin'> = process,
): Promise<T> {
  let onKeys: (keys: Buffer) => void = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    onKeys = (keys) => {
      if (keys.includes(CTRL_C)) reject(new WizardInterrupted());
    };
  });
  output.busy(text);
  stdin.setRawMode?.(true);
  stdin.on('data', onKeys);
  stdin.resume();
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    stdin.off('data', onKeys);
    stdin.pause();
    stdin.setRawMode?.(false);
    output.idle();
  }
}
