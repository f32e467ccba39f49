import { describe, expect, it } from 'vitest';
import { en } from '../../../src/cli/messages/en.ts';
import { confirmPlan, type PlanConfirmation } from '../../../src/cli/wizard/confirm-plan.ts';
import { ENTER, ESCAPE, type Keystroke, scriptedPrompter } from './script.ts';

/** Asks with these keystrokes; what was decided, printed and saved. */
async function decide(keystrokes: Keystroke[], more: Partial<PlanConfirmation> = {}) {
  const { prompter, left } = scriptedPrompter(keystrokes);
  const printed: string[] = [];
  const saved: string[] = [];
  const decision = await confirmPlan({
    prompter,
    messages: en,
    print: (line) => void printed.push(line),
    differences: () => [],
    saveAnswers: async (path) => {
      saved.push(path);
      return undefined;
    },
    isThere: async () => false,
    switches: [],
    ...more,
  });
  expect(left).toEqual([]);
  return { decision, printed, saved };
}

describe('the question at the end of the plan', () => {
  it('is answered with Enter, a no, or Escape', async () => {
    expect((await decide([ENTER])).decision).toBe('go');
    expect((await decide(['y'])).decision).toBe('go');
    expect((await decide(['n'])).decision).toBe('stop');
    expect((await decide([ESCAPE])).decision).toBe('back');
  });

  it('shows the differences, and asks again', async () => {
    expect(await decide(['d', 'n'], { differences: () => ['--- a', '+++ a'] })).toMatchObject({
      decision: 'stop',
      printed: ['--- a', '+++ a'],
    });
    expect((await decide(['d', 'n'])).printed).toEqual(['No files to compare.']);
  });

  it('saves the answers where they are wanted, and says how a script uses them', async () => {
    const { saved, printed } = await decide(['s', '/srv/relay.json', 'n'], { switches: ['--open-firewall'] });
    expect(saved).toEqual(['/srv/relay.json']);
    expect(printed).toEqual([
      'Saved to /srv/relay.json. In a script:',
      '  npx derp-setup --yes --answers /srv/relay.json --open-firewall',
    ]);
  });

  it('offers a name of its own, and saves nothing on Escape', async () => {
    expect((await decide(['s', ENTER, 'n'])).saved[0]).toMatch(/\/derp-setup-answers\.json$/);
    expect((await decide(['s', ESCAPE, 'n'])).saved).toEqual([]);
  });

  it('replaces a file only when that is said', async () => {
    const isThere = async () => true;
    expect((await decide(['s', '/srv/a', ENTER, 'n'], { isThere })).saved).toEqual([]);
    expect((await decide(['s', '/srv/a', 'y', 'n'], { isThere })).saved).toEqual(['/srv/a']);
  });

  it('says why a file could not be written', async () => {
    const saveAnswers = async (path: string) => ({
      subject: path,
      rule: { code: 'file' as const, action: 'write' as const, problem: 'denied' as const, detail: '' },
    });
    const { printed } = await decide(['s', '/srv/a', 'n'], { saveAnswers });
    expect(printed[0]).toMatch(/^\/srv\/a /);
    expect(printed.join(' ')).not.toContain('Saved');
  });
});
