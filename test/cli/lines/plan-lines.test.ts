import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { planLines, previewLines } from '../../../src/cli/lines/plan-lines.ts';
import { displayWidth } from '../../../src/cli/lines/text.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import type { Answers } from '../../../src/setup/answers/questions.ts';
import { changedPort, firstRun, newFile, removal } from '../support/plans.ts';

const plain = new Chalk({ level: 0 });
const prepared = {
  preview: [...firstRun],
  answers: { host: '203.0.113.7' } as Answers,
  certificate: { mode: 'self-signed' as const, file: '/etc/derp-setup/certs/h.crt', notAfter: new Date('2027-11-21') },
  noStart: false,
};

describe('a plan', () => {
  it('is numbered, with one line for what belongs together, in the order in which it is done', () => {
    expect(planLines(prepared, en, plain, { columns: 100 })).toEqual([
      '   1  create the system user derp-relay',
      '   2  install /usr/local/lib/derp-setup/1.0.0                   12 files, 1.1 MB',
      "   3  write the relay's own keys                                new",
      '   4  write the certificate and its key                         self-signed, to 2027-11-21',
      '   5  write installation.json, config.json in /etc/derp-setup   new',
      '   6  write /etc/systemd/system/derp-relay.service              new',
      '   7  start at boot: derp-relay',
      '   8  open 443/tcp in ufw',
      '   9  start derp-relay, wait until it serves',
      '  10  prove it: two clients exchange packets through 203.0.113.7',
    ]);
  });

  it('promises no proof where nothing is started', () => {
    expect(planLines({ ...prepared, noStart: true }, en, plain).join('\n')).not.toContain('prove');
  });

  it('counts the lines that change, and warns of what was changed by hand', () => {
    expect(previewLines(changedPort, en, plain)).toEqual([
      '  1  change config.json, relay.json in /etc/derp-setup   +2 −2 lines',
      '  2  change /etc/systemd/system/derp-relay.service',
      '     +1 −1 lines, changed by hand since the last run',
      '  3  restart derp-relay, wait until it serves',
      '     clients connect again within seconds',
    ]);
    const colours = new Chalk({ level: 1 });
    const alarming = previewLines(changedPort, en, colours).filter((line) => line.includes('\u001b[33m'));
    expect(alarming).toEqual([expect.stringContaining('changed by hand')]);
  });

  it('names every single thing when that is asked for', () => {
    const lines = previewLines(firstRun, en, plain, { verbose: true }).map((line) => line.trim());
    for (const path of ['/etc/derp-setup/certs/h.key   new', '/usr/local/lib/derp-setup/current → 1.0.0']) {
      expect(lines).toContain(path);
    }
  });

  it('says what is removed and what is kept, each kept file where it is', () => {
    expect(previewLines(removal, en, plain)).toEqual([
      '  1  stop derp-relay.service, and start them no more',
      '  2  remove /usr/local/bin/derp-setup',
      '  3  remove /usr/local/lib/derp-setup and everything in it',
      "  4  keep /etc/derp-setup/certs/h.crt      root's alone from now on",
      "  5  keep /var/lib/derp-setup/derper.key   root's alone from now on",
      '  6  remove the system user derp-relay',
    ]);
  });

  it('lets no path steer the terminal', () => {
    const lines = previewLines([newFile('/etc/\u001b[2Jx', '')], en, plain);
    expect(lines.join('')).not.toMatch(/\p{C}/u);
  });

  it.each([
    ['English', en],
    ['Chinese', zh],
  ])('fits terminals of 60 to 120 columns, in %s', (_, messages) => {
    for (const columns of [60, 80, 100, 120]) {
      const lines = [firstRun, changedPort, removal].flatMap((preview) =>
        previewLines(preview, messages, plain, { columns }),
      );
      for (const line of lines) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
    }
  });
});
