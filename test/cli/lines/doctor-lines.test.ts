import { stripVTControlCharacters } from 'node:util';
import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { findingDocument, findingLines, inReadingOrder } from '../../../src/cli/lines/doctor-lines.ts';
import { displayWidth } from '../../../src/cli/lines/text.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import { judgeAll } from '../../../src/setup/doctor/checks.ts';
import type { DoctorFacts } from '../../../src/setup/doctor/facts.ts';
import { healthy, host, hostFacts, layout, unit, units } from '../../setup/doctor/healthy.ts';

const plain = new Chalk({ level: 0 });
const colourful = new Chalk({ level: 1 });

/** Several faults at once. */
const sick: DoctorFacts = {
  ...healthy,
  // By the calendar of whatever machine the tests run on.
  now: new Date(2026, 10, 21, 12),
  certificate: {
    ...healthy.certificate!,
    pair: { ...healthy.certificate!.pair!, notAfter: new Date(2027, 8, 17, 18) },
  },
  relay: undefined,
  probe: undefined,
  units: {
    ...units,
    timerNext: new Date(2026, 10, 22, 0, 14),
    relay: { ...unit, active: 'failed', result: 'exit-code', exitStatus: 2, enabled: false },
    relayJournal: ['derp-relay: cannot listen on 443/tcp: in use by another program'],
  },
  ports: [{ purpose: 'derp', protocol: 'tcp', port: 443, owner: { name: 'caddy', pid: 9 } }],
  files: [{ ...healthy.files[0]!, found: { mode: 0o644, owner: 'derp-relay:derp-relay' } }],
  firewall: {
    tool: 'ufw',
    lasting: true,
    closed: [{ protocol: 'tcp', port: 443 }],
    commands: ['ufw allow 443/tcp comment derp-setup'],
  },
  host: { ...hostFacts, routes: [{ address: '198.51.100.9', local: false, leads: 'elsewhere' }] },
};
const findings = inReadingOrder(judgeAll(sick));
const lines = (messages: typeof en, width?: number) =>
  findings.flatMap((finding) => findingLines(finding, messages, plain, width));

describe('several faults at once', () => {
  it.each([
    ['en', en, undefined],
    ['en', en, 60],
    ['zh', zh, undefined],
    ['zh', zh, 60],
  ] as const)('are told (%s, %s)', async (language, messages, width) => {
    const text = `${lines(messages, width).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(`../golden/doctor-${language}${width ? `-${width}` : ''}.txt`);
  });

  it('stand last, the worst at the end, each kind in the order of the checks', () => {
    const levels = findings.map(({ level }) => level);
    expect(levels).toEqual([...levels].sort((a, b) => 'owf'.indexOf(a[0]!) - 'owf'.indexOf(b[0]!)));
    const failed = findings.filter(({ level }) => level === 'failed').map(({ check }) => check);
    expect(failed).toEqual(['permissions', 'service', 'ports', 'host', 'firewall']);
  });

  it.each([40, 60, 80, 110])('stay within %d columns, but for commands', (width) => {
    for (const messages of [en, zh]) {
      for (const line of lines(messages, width)) {
        const isCommand = /(?:^ {6}→ | {8}).*(?:sudo|npx|derp-setup|systemctl|chmod) /.test(line);
        const isJournal = line.startsWith('      │ ');
        if (!isCommand && !isJournal) expect(displayWidth(line), line).toBeLessThanOrEqual(width);
      }
    }
  });

  it('lose nothing when they are broken', () => {
    const bare = (text: string[]) => text.join('').replace(/\s/g, '');
    for (const messages of [en, zh]) expect(bare(lines(messages, 40))).toBe(bare(lines(messages)));
  });

  it('need no colours to be told apart', () => {
    for (const finding of findings) {
      const coloured = findingLines(finding, en, colourful, 60);
      expect(coloured.join('')).toContain('\u001b[');
      expect(coloured.map(stripVTControlCharacters)).toEqual(findingLines(finding, en, plain, 60));
      const [first] = findingLines(finding, en, plain);
      expect(first!.slice(0, 4)).toBe({ ok: '  ✔ ', warning: '  ! ', failed: '  ✖ ' }[finding.level]);
    }
  });
});

describe('a finding as data', () => {
  it('has the check, the code, the sentences and the facts', () => {
    const exposed = findings.find(({ id }) => id === 'file-exposed')!;
    const document = (messages: typeof en) => JSON.parse(JSON.stringify(findingDocument(exposed, messages)));
    expect(document(en)).toEqual({
      check: 'permissions',
      id: 'file-exposed',
      level: 'failed',
      message: `${layout.relayKey} holds a key, and others may read it (mode 0644)`,
      remedy: `sudo chmod 0600 ${layout.relayKey}`,
      fix: { kind: 'mode', path: layout.relayKey, mode: 0o600 },
      data: { path: layout.relayKey, mode: 0o644, wanted: 0o600 },
    });
    expect(document(zh)).toEqual({ ...document(en), message: expect.stringMatching(/含有密钥/) });
  });

  it('has neither a remedy nor a fix where nothing is wrong', () => {
    const fine = judgeAll(healthy).find(({ id }) => id === 'host-leads-here')!;
    expect(findingDocument(fine, en)).toEqual({
      check: 'host',
      id: 'host-leads-here',
      level: 'ok',
      message: `${host} leads to this relay: 203.0.113.7`,
      data: { host, addresses: ['203.0.113.7'] },
    });
  });
});
