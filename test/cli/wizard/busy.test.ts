import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { whileBusy } from '../../../src/cli/wizard/busy.ts';
import { type Terminal, WizardInterrupted } from '../../../src/cli/wizard/prompter.ts';
import { keptOutput } from '../support/kept-output.ts';

/** A keyboard that notes how it is set. It stands in for a terminal, which tests have not got. */
class Keyboard extends EventEmitter {
  raw = false;
  paused = true;
  setRawMode(raw: boolean) {
    this.raw = raw;
  }
  resume() {
    this.paused = false;
  }
  pause() {
    this.paused = true;
  }
}

const { output } = keptOutput();
const busy = <T>(keyboard: Keyboard, work: Promise<T>) =>
  whileBusy('working', work, output, { stdin: keyboard as unknown as Terminal['stdin'] });

describe('while something takes its time', () => {
  it('keys are swallowed, and come through again afterwards', async () => {
    const keyboard = new Keyboard();
    let resolve: (text: string) => void = () => {};
    const work = new Promise<string>((found) => {
      resolve = found;
    });
    const done = busy(keyboard, work);
    expect(keyboard).toMatchObject({ raw: true, paused: false });
    keyboard.emit('data', Buffer.from('abc\r'));
    resolve('found');
    expect(await done).toBe('found');
    expect(keyboard).toMatchObject({ raw: false, paused: true });
    expect(keyboard.listenerCount('data')).toBe(0);
  });

  it('Ctrl-C ends it, even among other keys', async () => {
    const keyboard = new Keyboard();
    const done = busy(keyboard, new Promise(() => {}));
    keyboard.emit('data', Buffer.from('abc\u0003'));
    await expect(done).rejects.toThrow(WizardInterrupted);
    expect(keyboard).toMatchObject({ raw: false, paused: true });
  });

  it('what goes wrong is told as it is', async () => {
    const keyboard = new Keyboard();
    await expect(busy(keyboard, Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(keyboard.raw).toBe(false);
  });
});
