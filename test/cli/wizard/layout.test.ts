/** What stands where on terminals of several widths, in both languages. */
import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { wrapText } from '../../../src/cli/lines/columns.ts';
import { displayWidth } from '../../../src/cli/lines/text.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import { answerLines } from '../../../src/cli/wizard/answer-lines.ts';
import type { PreflightFacts } from '../../../src/cli/wizard/preflight-facts.ts';
import { preflightLines, titleLine } from '../../../src/cli/wizard/preflight-table.ts';
import {
  errorText,
  keysMessage,
  layOutOptions,
  messageLines,
  remarkLines,
} from '../../../src/cli/wizard/prompt-layout.ts';
import { createScreen, rowsOf } from '../../../src/cli/wizard/screen.ts';
import { serverFacts } from '../../setup/facts.ts';

const plain = new Chalk({ level: 0 });
const languages = [
  ['English', en],
  ['Chinese', zh],
] as const;

const busyMachine: PreflightFacts = {
  ...serverFacts,
  machine: { ...serverFacts.machine, osName: 'Ubuntu 24.04.3 LTS', container: 'systemd-nspawn' },
  addresses: [
    ...serverFacts.addresses,
    ...Array.from({ length: 5 }, (_, at) => ({
      address: `2001:db8:0:1234:5678:9abc:def0:${at}`,
      interface: 'eth0',
      scope: 'global' as const,
    })),
  ],
  tailscaled: { socket: '/run/t.sock', state: 'running', version: '1.98.2', tags: ['tag:relay'] },
  docker: { version: '29.1.0', usable: false, denied: true } as PreflightFacts['docker'],
  firewall: { tool: 'ufw' } as PreflightFacts['firewall'],
  derper: 'derper.service',
  ports: [
    { protocol: 'tcp', port: 443, free: false, owner: { name: 'nginx', pid: 812 } },
    { protocol: 'tcp', port: 80, free: false },
    { protocol: 'udp', port: 3478, free: true },
  ],
};

describe.each(languages)('in %s', (_, messages) => {
  it.each([60, 80, 110])('the table fits %i columns, its first cells below each other', (columns) => {
    const lines = preflightLines(busyMachine, messages, plain, columns);
    for (const line of lines) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
    const { machine, firewall } = messages.wizard.table;
    const cellAt = (label: string, text: string) => {
      const line = lines.find((line) => line.startsWith(`  ${label} `))!;
      return displayWidth(line.slice(0, line.indexOf(text)));
    };
    expect(cellAt(machine, 'Ubuntu')).toBe(cellAt(firewall, 'ufw'));
    expect(displayWidth(titleLine('1.0.0', messages, plain, columns))).toBeLessThanOrEqual(columns);
  });

  it('has the notes of all options beside their names on 80 columns', () => {
    const { certificate, target, verification } = messages.wizard;
    const lists = [
      [certificate.modes, certificate.notes],
      [target.names, target.notes],
      [verification.kinds, verification.notes],
    ] as const;
    for (const [names, notes] of lists) {
      const options = Object.entries(names).map(([value, name]) => ({
        value,
        name,
        note: (notes as Record<string, string>)[value],
      }));
      for (const { name, description } of layOutOptions(options, plain, 80)) {
        expect(description, name).toBeUndefined();
        expect(displayWidth(name) + 2, name).toBeLessThanOrEqual(80);
      }
    }
  });

  it('breaks remarks, refusals and long questions between words', () => {
    const { verification, host } = messages.wizard;
    const long = host.elsewhere('derp.example.com', ['2001:db8::1', '198.51.100.9'], false);
    for (const columns of [40, 80]) {
      const lines = [
        ...remarkLines({ info: [verification.sureInfo], warnings: [host.elsewhereInfo] }, plain, columns),
        ...messageLines(long, columns).map((line, at) => (at === 0 ? `? ${line}` : line)),
        ...errorText(long, columns).split('\n'),
      ];
      for (const line of lines) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
    }
  });

  it('puts the values of answers below each other, and long ones in lines of their own', () => {
    const tools = { messages, paint: plain, width: 60 };
    const told = [
      answerLines('host', { value: '203.0.113.7', note: 'x' }, undefined, tools),
      answerLines('certificate', { value: 'v', note: '/etc/letsencrypt/live/derp.example.com/x.pem' }, '--cert', tools),
      answerLines('verification', { value: 'v' }, 'DERP_SETUP_VERIFY', tools),
    ];
    const column = displayWidth(told[0]![0]!.split('203')[0]!);
    for (const [first = '', ...rest] of told) {
      const mark = first.slice(0, first.search(/203|v( |$)/));
      expect(displayWidth(mark), first).toBe(column);
      for (const line of rest) expect(line.slice(0, column).trim()).toBe('');
      for (const line of [first, ...rest]) expect(displayWidth(line), line).toBeLessThanOrEqual(60);
    }
  });
});

it('puts what the letters mean below a question that is long', () => {
  expect(keysMessage('Go on?', undefined, '(Enter = yes)', plain, 80)).toBe('Go on?  (Enter = yes)');
  expect(keysMessage('Ports', 'DERP 443', '(Enter = keep)', plain, 20)).toBe('Ports  DERP 443\n  (Enter = keep)');
});

it('breaks Chinese between characters, never before punctuation, and no figure from its unit', () => {
  expect(wrapText('证书和私钥，PEM 格式', 10)).toEqual(['证书和私', '钥，PEM 格', '式']);
  expect(wrapText('延迟 0.39 ms，很短', 11)).toEqual(['延迟', '0.39 ms，很', '短']);
});

describe('the lines above a question', () => {
  it('are taken back as many rows as they take', () => {
    let written = '';
    const screen = createScreen({ columns: 10, write: (text) => (written += text) });
    screen.show(['short', 'fifteen columns']);
    screen.show(['证书证书证书']);
    screen.show([]);
    screen.takeBack();
    written = '';
    screen.takeBack();
    expect(written).toBe('\u001b[2A\u001b[J');
    written = '';
    screen.takeBack();
    expect(written).toBe('\u001b[3A\u001b[J');
    written = '';
    screen.takeBack();
    expect(written).toBe('');
  });

  it('count colours as nothing', () => {
    expect(rowsOf('\u001b[32m0123456789\u001b[39m', 10)).toBe(1);
    expect(rowsOf('', 10)).toBe(1);
  });
});
