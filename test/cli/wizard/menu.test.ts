import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../../src/cli/lines/text.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import { saysWhat } from '../../../src/cli/wizard/at-terminal.ts';
import { changedAnswerLines } from '../../../src/cli/wizard/changed-answers.ts';
import { chooseFromMenu, type MenuHeader, menuHeaderLines } from '../../../src/cli/wizard/menu.ts';
import { layOutOptions } from '../../../src/cli/wizard/prompt-layout.ts';
import type { SelectQuestion } from '../../../src/cli/wizard/prompter.ts';
import { completeAnswers } from '../../../src/setup/answers/resolve.ts';
import type { PrepareInput } from '../../../src/setup/answers/resolved.ts';
import { serverFacts } from '../../setup/facts.ts';
import { ENTER, ESCAPE, type Keystroke, scriptedPrompter } from './script.ts';

const plain = new Chalk({ level: 0 });

const header: MenuHeader = {
  version: '1.0.0',
  upSeconds: 12 * 86_400,
  clients: 14,
  relayedBytes: 3_100_000_000,
  certificateUntil: new Date(2026, 11, 3),
  shortcomings: [],
};

describe('the line above the menu', () => {
  it('says how the relay is', () => {
    expect(menuHeaderLines(header, en, plain, 100)).toEqual([
      '  derp-relay 1.0.0 · up 12 days · 14 clients · 3.1 GB relayed · certificate to 2026-12-03',
    ]);
    expect(menuHeaderLines(header, zh, plain, 100)).toEqual([
      '  derp-relay 1.0.0 · 已运行 12 天 · 14 个客户端 · 已转发 3.1 GB · 证书 2026-12-03 到期',
    ]);
  });

  it('is broken between two facts, and leaves out what is not known', () => {
    expect(menuHeaderLines(header, en, plain, 50)).toEqual([
      '  derp-relay 1.0.0 · up 12 days · 14 clients',
      '  3.1 GB relayed · certificate to 2026-12-03',
    ]);
    expect(menuHeaderLines({ shortcomings: [] }, en, plain, 80)).toEqual(['  derp-relay']);
  });

  it('says what is wrong', () => {
    expect(menuHeaderLines({ version: '1.0.0', shortcomings: ['service-stopped'] }, en, plain, 80)).toEqual([
      '  derp-relay 1.0.0',
      '  ! the service does not run',
    ]);
  });
});

describe('the menu', () => {
  /** What is offered, and what comes of a key. */
  async function choose(keystroke: Keystroke, more: Partial<Parameters<typeof chooseFromMenu>[0]> = {}, messages = en) {
    const { prompter, asked } = scriptedPrompter([keystroke]);
    const choice = await chooseFromMenu({ header, ownVersion: '1.0.0', isRoot: true, ...more }, { prompter, messages });
    const { options, preselected } = asked[0] as SelectQuestion<string>;
    return { choice, options, preselected, names: options.map(({ value }) => value) };
  }

  it('offers everything but an upgrade to what is installed', async () => {
    const { choice, names } = await choose(ENTER);
    expect(choice).toBe('status');
    expect(names).toEqual(['status', 'change', 'renew', 'paste', 'check', 'remove', 'quit']);
  });

  it('offers an upgrade to a newer version only', async () => {
    const { options } = await choose(ENTER, { ownVersion: '1.1.0' });
    expect(options.find(({ value }) => value === 'upgrade')?.name).toBe('Upgrade to 1.1.0');
    expect((await choose(ENTER, { ownVersion: '0.9.0' })).names).not.toContain('upgrade');
    expect((await choose(ENTER, { header: { shortcomings: [] } })).names).not.toContain('upgrade');
  });

  it('is left with Escape', async () => {
    expect((await choose(ESCAPE)).choice).toBe('quit');
  });

  it('points at what mends a relay that does not serve', async () => {
    const broken: MenuHeader = { ...header, shortcomings: ['relay-silent'] };
    expect((await choose(ENTER, { header: broken })).choice).toBe('check');
  });

  it('lets other users look, and says why they may do no more', async () => {
    const { options } = await choose(ENTER, { isRoot: false, ownVersion: '1.1.0' });
    const disabled = options.filter((option) => option.disabled !== undefined);
    expect(disabled.map(({ value }) => value)).toEqual(['change', 'renew', 'upgrade', 'remove']);
    expect(disabled[0]?.disabled).toBe('(needs root: sudo derp-setup)');
  });

  it.each([
    ['English', en],
    ['Chinese', zh],
  ])('has its notes beside the names on 80 columns, in %s', async (_, messages) => {
    for (const isRoot of [true, false]) {
      const { options } = await choose(ENTER, { isRoot }, messages);
      for (const { name, description } of layOutOptions(options, plain, 80)) {
        expect(description).toBeUndefined();
        expect(displayWidth(`❯ ${name}`)).toBeLessThanOrEqual(80);
      }
    }
  });
});

describe('whether somebody says what to set up', () => {
  const nothing: PrepareInput = {
    flags: {},
    environment: {},
    userRoot: '/root/.local/state/derp-setup',
    switches: { openFirewall: false, takeOver: false, overwrite: false, noStart: false },
    logLevel: 'warn',
    now: new Date(),
    signal: new AbortController().signal,
  };

  it('is so with any answer, wherever it is given, and with any switch that changes something', () => {
    expect(saysWhat({ ...nothing, flags: { derpPort: '8443' } })).toBe(true);
    expect(saysWhat({ ...nothing, flags: { host: true } })).toBe(true);
    expect(saysWhat({ ...nothing, environment: { DERP_SETUP_REGION_ID: '901' } })).toBe(true);
    expect(saysWhat({ ...nothing, answersPath: '/root/answers.json' })).toBe(true);
    expect(saysWhat({ ...nothing, root: '/srv/image' })).toBe(true);
    expect(saysWhat({ ...nothing, switches: { ...nothing.switches, openFirewall: true } })).toBe(true);
  });

  it('is not so with flags and variables that say how to tell it', () => {
    expect(saysWhat(nothing)).toBe(false);
    expect(saysWhat({ ...nothing, flags: { lang: 'zh', verbose: true } })).toBe(false);
    expect(saysWhat({ ...nothing, environment: { DERP_SETUP_LANG: 'zh', DERP_SETUP_HOST: '' } })).toBe(false);
  });
});

describe('what is changed', () => {
  const before = completeAnswers({}, serverFacts);

  it('is told by the flags, one line each, with what it was before', () => {
    const after = {
      ...before,
      derpPort: 8443,
      httpPort: -1,
      verify: { kind: 'url' as const, url: 'https://hs.example.com/verify' },
      regionName: 'Berlin\u001b[2J',
      allowCidr: { ranges: ['192.0.2.0/24'], files: ['/srv/home.txt'] },
      clientRate: { bytesPerSecond: 10_000_000, burstBytes: 20_000_000 },
    };
    expect(changedAnswerLines(before, after, en, plain)).toEqual([
      '  ~ --derp-port    443 → 8443',
      '  ~ --http-port    80 → off',
      '  ~ --verify       none → url:https://hs.example.com/verify',
      `  ~ --allow-cidr   ${en.wizard.noAnswer} → 192.0.2.0/24,/srv/home.txt`,
      `  ~ --client-rate  ${en.wizard.noAnswer} → 10M:20M`,
      '  ~ --region-name  My DERP → Berlin?[2J',
    ]);
  });

  it('is nothing where the same is answered', () => {
    expect(changedAnswerLines(before, { ...before }, en, plain)).toEqual([]);
  });
});
