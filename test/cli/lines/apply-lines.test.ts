import { describe, expect, it } from 'vitest';
import { createApplyProgress } from '../../../src/cli/lines/apply-lines.ts';
import { en } from '../../../src/cli/messages/en.ts';
import type { PreviewedStep } from '../../../src/setup/preview.ts';
import { keptOutput } from '../support/kept-output.ts';
import { firstRun, removal } from '../support/plans.ts';

/** Tells how these steps are taken, each in so many milliseconds. */
function tell(
  preview: readonly PreviewedStep[],
  { taken = preview, terminal = true, verbose = false, milliseconds = 5 } = {},
) {
  const { output, printed } = keptOutput({ verbose });
  const progress = createApplyProgress(output, en, preview, { terminal });
  for (const { step, finding } of taken) {
    progress.onStep(step, finding);
    progress.onStepDone(step, finding, milliseconds);
  }
  return { progress, lines: () => printed.stderr.split('\n').slice(0, -1) };
}

describe('a plan that is carried out', () => {
  it('is told in the lines of the plan, each when its last step is taken', () => {
    const { progress, lines } = tell(firstRun);
    progress.done();
    expect(lines()).toEqual([
      '  ✔ create the system user derp-relay',
      '  ✔ install /usr/local/lib/derp-setup/1.0.0',
      "  ✔ write the relay's own keys",
      '  ✔ write the certificate and its key',
      '  ✔ write installation.json, config.json in /etc/derp-setup',
      '  ✔ write /etc/systemd/system/derp-relay.service',
      '  ✔ start at boot: derp-relay',
      '  ✔ open 443/tcp in ufw',
      '  ✔ start derp-relay, wait until it serves',
    ]);
  });

  it('has a line when something begins where nothing can be drawn over', () => {
    const { lines } = tell(firstRun.slice(2, 4), { terminal: false });
    expect(lines()).toEqual([
      '  … create the system user derp-relay',
      '  ✔ create the system user derp-relay',
      '  … install /usr/local/lib/derp-setup/1.0.0',
      '  ✔ install /usr/local/lib/derp-setup/1.0.0',
    ]);
  });

  it('says how long it took when that was long', () => {
    expect(tell(firstRun.slice(2, 3), { milliseconds: 6240 }).lines()).toEqual([
      '  ✔ create the system user derp-relay   6.2 s',
    ]);
    expect(tell(firstRun.slice(2, 3), { milliseconds: 999 }).lines()).toEqual([
      '  ✔ create the system user derp-relay',
    ]);
  });

  it('names every single thing when that is asked for', () => {
    expect(tell(firstRun, { verbose: true }).lines()).toContain('      /etc/derp-setup/certs/h.key   new');
  });

  it('tells what was done in part because the rest had become unnecessary, and nothing that was not begun', () => {
    const taken = firstRun.filter(({ step }) => step.kind !== 'link' && step.kind !== 'service');
    const { progress, lines } = tell(firstRun, { taken });
    expect(lines().join('\n')).not.toContain('✔ install');
    progress.done();
    expect(lines().at(-1)).toBe('  ✔ install /usr/local/lib/derp-setup/1.0.0');
    expect(lines().join('\n')).not.toContain('start derp-relay');
  });

  it("has no line for systemd's second look at its files", () => {
    const { progress, lines } = tell(removal);
    progress.done();
    expect(lines()).toHaveLength(6);
    expect(lines().join('\n')).not.toContain('read its units');
  });
});

describe('a step that fails', () => {
  const failing = firstRun.find(({ step }) => step.kind === 'file' && step.purpose === 'certificate')!;
  const before = firstRun.slice(0, firstRun.indexOf(failing));

  it('is named itself, not all that it would have been told with', () => {
    const { progress, lines } = tell(firstRun, { taken: before });
    progress.onStep(failing.step, failing.finding);
    progress.onUndo('/etc/derp-setup/certs/h.key');
    progress.onUndo('user derp-relay');
    progress.failed();
    expect(lines().slice(2)).toEqual(["  ✔ write the relay's own keys", '  ✖ write the certificate and its key']);
  });

  it('is told where there is nothing to take back, and told once', () => {
    const { progress, lines } = tell(firstRun, { taken: [] });
    progress.onStep(firstRun[2]!.step, firstRun[2]!.finding);
    progress.failed();
    progress.failed();
    expect(lines()).toEqual(['  ✖ create the system user derp-relay']);
  });

  it('is followed by what is put back, where nothing can be drawn over', () => {
    const { progress, lines } = tell(firstRun, { taken: [], terminal: false });
    progress.onStep(firstRun[2]!.step, firstRun[2]!.finding);
    progress.onUndo('user derp-relay\u001b[2J');
    expect(lines().slice(1)).toEqual(['  ✖ create the system user derp-relay', '  ↶ put back: user derp-relay?[2J']);
  });

  it('is none where the run was interrupted between two', () => {
    const { progress, lines } = tell(firstRun, { taken: before });
    const told = lines().length;
    progress.onUndo('user derp-relay');
    progress.failed();
    expect(lines()).toHaveLength(told);
  });
});
