import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatClock, formatDay, formatTime } from '../../../src/cli/lines/figures.ts';
import { statusLines, watchLine } from '../../../src/cli/lines/status-lines.ts';
import { displayWidth } from '../../../src/cli/lines/text.ts';
import { en } from '../../../src/cli/messages/en.ts';
import { zh } from '../../../src/cli/messages/zh.ts';
import { createOutput } from '../../../src/cli/output.ts';
import { dropReasons } from '../../../src/relay/counters.ts';
import type { RenewalFailure } from '../../../src/setup/certificate/renewal-failure.ts';
import type { RelayCounters } from '../../../src/setup/status/counters.ts';
import type { Shortcoming, Status } from '../../../src/setup/status/status.ts';

const plain = new Chalk({ level: 0 });
const now = new Date(2026, 10, 21, 12, 0, 5);
const before = (seconds: number) => new Date(now.getTime() - seconds * 1000);

const relay: RelayCounters = {
  version: '1.0.0',
  publicKey: 'aa',
  uptimeSeconds: 100,
  clients: 14,
  homeClients: 3,
  logins: { fastStart: 20, upgrade: 5, websocket: 0, refused: 2 },
  packetsReceived: 1,
  bytesReceived: 3_100_000_000,
  bytesSent: 3_200_000_000,
  drops: { queue_head: 12, gone_disconnected: 1 },
  overLimit: 0,
  admission: ['tailscaled'],
  addressLists: { allow: null, deny: null },
  addressesRefused: 0,
  addressRemovals: 0,
  clientRate: 0,
  admissionFailures: 1,
  admissionRemovals: 0,
  stun: { answered: 1234, ignored: 0, overLimit: 0 },
  certificateRefused: null,
  internalErrors: 0,
  stalls: { total: 0, longestMs: 0, lastHour: { stalls: 0, stalledMs: 0 } },
  rssBytes: 85_000_000,
};

const status: Status = {
  ok: true,
  shortcomings: [],
  root: '/',
  target: 'systemd',
  host: '203.0.113.7',
  ports: { derp: 443, http: 80, stun: 3478 },
  versions: { own: '1.1.0', installed: '1.0.0', running: '1.0.0' },
  container: undefined,
  service: {
    unit: 'derp-relay.service',
    found: true,
    active: 'active',
    subState: 'running',
    enabled: true,
    pid: 812,
    since: before(12 * 86_400),
    restarts: 2,
    exitStatus: undefined,
  },
  certificate: { mode: 'manual', notAfter: new Date(2026, 11, 3), source: 'served', daysLeft: 11 },
  renewal: { active: true, next: new Date(2026, 10, 22, 0, 14), failed: false, failure: undefined },
  admission: ['tailscaled'],
  map: { regionId: 900, regionCode: 'myderp', nodeName: '900a', pin: undefined },
  relay,
  traffic: { bytesReceived: 1_250_000, bytesSent: 1_300_000, packetsReceived: 900 },
  unreadable: [],
};

describe('a status', () => {
  it('fits one screen', () => {
    expect(statusLines(status, en, plain, now)).toEqual([
      '✔ derp-relay 1.0.0 · serving for 12 days',
      '  Host          203.0.113.7 · 443/tcp 80/tcp 3478/udp',
      '  Service       running · since 2026-11-09 12:00 (12 days) · pid 812 · started again 2 times · starts at boot',
      '  Versions      installed 1.0.0 · running 1.0.0 · this program 1.1.0 · install this one: sudo npx derp-setup upgrade',
      '  Certificate   to 2026-12-03 (11 days left) · your own files · next renewal check 2026-11-22 00:14',
      '  Clients       14 now · 25 logins (20 by fast start, 5 by upgrade, 0 by WebSocket)',
      '  Traffic       3.1 GB in, 3.2 GB out since its start · 1.3 MB/s in, 1.3 MB/s out',
      '  Dropped       12 too old in a full queue, 1 for clients that left',
      '  Admission     members of the tailnet, by tailscaled · 2 refused · 1 question without an answer',
      '  STUN          1234 answers',
      '  Memory        85 MB',
      '  Map           region 900 (myderp) · node 900a',
    ]);
  });

  it('stays within a narrow terminal, and breaks between two facts where it can', () => {
    expect(statusLines(status, en, plain, now, 60).slice(2, 8)).toEqual([
      '  Service       running · since 2026-11-09 12:00 (12 days)',
      '                pid 812 · started again 2 times',
      '                starts at boot',
      '  Versions      installed 1.0.0 · running 1.0.0',
      '                this program 1.1.0',
      '                install this one: sudo npx derp-setup',
    ]);
    for (const messages of [en, zh]) {
      for (const width of [40, 60, 80]) {
        const lines = statusLines(status, messages, plain, now, width);
        expect(lines.filter((line) => displayWidth(line) > width)).toEqual([]);
      }
    }
  });

  it('says how the service is in the words of people, with systemd’s where those say more', () => {
    const service = (active: string, subState: string) =>
      statusLines({ ...status, service: { ...status.service!, active, subState } }, en, plain, now)[2];
    expect(service('activating', 'auto-restart')).toContain('activating (auto-restart)');
    expect(service('failed', 'failed')).toContain('failed ·');
    const chinese = { ...status, service: { ...status.service!, active: 'activating', subState: 'auto-restart' } };
    expect(statusLines(chinese, zh, plain, now)[2]).toContain('正在启动（auto-restart）');
  });

  it('says who may connect at all and how fast a client may send, where that is limited', () => {
    const limitsOf = (more: Partial<RelayCounters>, messages = en) =>
      statusLines({ ...status, relay: { ...relay, ...more } }, messages, plain, now).filter((line) =>
        /^ {2}(Limits|限制|Admission)/.test(line),
      );
    expect(limitsOf({})).toHaveLength(1);
    const limited = { addressLists: { allow: 8123, deny: 1 }, addressesRefused: 34, clientRate: 10_000_000 };
    expect(limitsOf(limited)[1]).toBe(
      '  Limits        8123 ranges of addresses may connect · 1 range may not · 34 refused · 10 MB/s from one client',
    );
    expect(limitsOf({ ...limited, addressRemovals: 2 }, zh)).toEqual([
      '  限制      只允许 8123 个网段连接 · 禁止 1 个网段 · 拒绝 34 次 · 事后断开 2 个 · 每个客户端 10 MB/s',
    ]);
    const open = { ...status, admission: ['none'], relay: { ...relay, ...limited } };
    expect(statusLines(open, en, plain, now).join('\n')).toContain('anyone who may connect may use it');
    expect(statusLines({ ...open, relay }, en, plain, now).join('\n')).toContain('anyone may use it');
  });

  it('shows enough of a pin to compare it', () => {
    const map = { ...status.map!, pin: `sha256-raw:${'0123456789abcdef'.repeat(4)}` };
    expect(statusLines({ ...status, map }, en, plain, now).at(-1)).toBe(
      '  Map           region 900 (myderp) · node 900a · pin sha256-raw:0123456789ab…',
    );
  });

  it('says why there is no new certificate, and when it is tried again, in one line', () => {
    const at = new Date(2026, 10, 21, 0, 40);
    const next = new Date(2026, 10, 22, 0, 14);
    const refused = { authority: 'ca.example.com', stage: 'validation', host: 'derp.example.com' } as const;
    const rule = { code: 'authority', reason: 'connection', detail: 'Timeout', ...refused } as const;
    const lines = (failure: RenewalFailure, messages = en) =>
      statusLines({ ...status, renewal: { ...status.renewal!, failed: true, failure } }, messages, plain, now);
    const byOrder = { at, problem: { subject: 'ca.example.com', rule }, said: undefined, isDue: true, next };
    expect(lines(byOrder)).toContain(
      '  Renewal       failed at 2026-11-21 00:40: ca.example.com could not connect to derp.example.com: Timeout · tried again from 2026-11-22 00:14 on',
    );
    expect(lines(byOrder).filter((line) => line.includes('fail'))).toHaveLength(1);
    expect(lines(byOrder, zh).join('\n')).toMatch(
      /续期 +2026-11-21 00:40 失败：.+Timeout · 最早将于 2026-11-22 00:14 自动重试/,
    );
    const bySaid = { ...byOrder, problem: undefined, said: 'no way out', next: undefined };
    expect(lines(bySaid)).toContain('  Renewal       failed at 2026-11-21 00:40: no way out');
    expect(lines({ ...bySaid, said: undefined })).toContain('  Renewal       failed at 2026-11-21 00:40');
  });

  it('has words for every reason for which packets are dropped', () => {
    for (const { status: words } of [en, zh]) expect(Object.keys(words.reasons)).toEqual([...dropReasons]);
  });

  it('says in Chinese what it says in English', () => {
    const lines = statusLines(status, zh, plain, now);
    expect(lines).toHaveLength(statusLines(status, en, plain, now).length);
    expect(lines.join('\n')).toContain('启动以来接收 3.1 GB，发送 3.2 GB');
    expect(lines.join('\n')).not.toMatch(/undefined|NaN/);
  });

  it('leaves out what is not known, and is short for a relay that does not run', () => {
    const bare: Status = {
      ...status,
      ok: false,
      shortcomings: ['service-stopped'],
      ports: undefined,
      service: undefined,
      certificate: undefined,
      relay: undefined,
      admission: undefined,
      map: undefined,
      versions: { own: '1.0.0', installed: '1.0.0', running: undefined },
      unreadable: ['/etc/derp-setup/certs/x.crt'],
    };
    expect(statusLines(bare, en, plain, now)).toEqual([
      '✖ derp-relay 1.0.0 · not serving as it should',
      '  Versions      installed 1.0.0',
      '  Not readable  /etc/derp-setup/certs/x.crt (not this user’s to read; sudo shows them)',
      '  ✖ the service does not run',
      '      → sudo systemctl start derp-relay; if it stops again: sudo derp-setup doctor',
    ]);
  });

  it.each(Object.keys(en.status.shortcomings) as Shortcoming[])('has words and a way out for %s', (shortcoming) => {
    for (const messages of [en, zh]) {
      const { text, remedy } = messages.status.shortcomings[shortcoming];
      expect(
        statusLines({ ...status, ok: false, shortcomings: [shortcoming] }, messages, plain, now).slice(-2),
      ).toEqual([`  ✖ ${text}`, `      → ${remedy}`]);
    }
  });

  it('is a line a time for logs', () => {
    expect(watchLine(status, en, 3, now)).toBe(
      '12:00:05  Clients 14 now · 1.3 MB/s in, 1.3 MB/s out · 3 packets dropped · 85 MB',
    );
    expect(watchLine({ ...status, relay: undefined }, en, 0, now)).toBe('12:00:05  no answer from the relay');
  });
});

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [999.7, '1.0 kB'],
    [1500, '1.5 kB'],
    [9_960, '10 kB'],
    [999_600, '1.0 MB'],
    [3_141_592_653, '3.1 GB'],
    [5e18, '5000 PB'],
    [-1, '0 B'],
  ])('of data: %d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('of time go by the clock of this machine', () => {
    expect([formatDay(now), formatTime(now), formatClock(now)]).toEqual(['2026-11-21', '2026-11-21 12:00', '12:00:05']);
  });
});

describe('repainting', () => {
  const outputOn = (isTTY: boolean, json = false) => {
    let text = '';
    const write = (part: string) => {
      text += part;
    };
    const stdout = { isTTY, rows: 4, columns: 80, write };
    const stderr = { write: () => {} };
    const options = { stdout, stderr, environment: {}, json, quiet: false, verbose: false, color: false };
    return { output: createOutput(options), text: () => text };
  };

  it('replaces what a terminal shows, and never scrolls it', () => {
    const { output, text } = outputOn(true);
    output.repaint(['a', 'b', 'c', 'd', 'e']);
    output.repaint(['f']);
    expect(text()).toBe(
      '\u001b[?7l\u001b[2J\u001b[Ha\u001b[K\nb\u001b[K\nc\u001b[K\n\u001b[J\u001b[?7h\u001b[?7l\u001b[Hf\u001b[K\n\u001b[J\u001b[?7h',
    );
  });

  it('is plain lines elsewhere, and nothing beside a document', () => {
    const plainOutput = outputOn(false);
    plainOutput.output.repaint(['a', 'b']);
    expect([plainOutput.output.repaints, plainOutput.text()]).toEqual([false, 'a\nb\n']);
    const json = outputOn(true, true);
    json.output.repaint(['a']);
    expect(json.text()).toBe('');
  });
});
