import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaults } from '../../src/relay/defaults.ts';
import { createLog } from '../../src/relay/log.ts';
import { Noise, noiseKinds } from '../../src/relay/noise.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-01-02T03:04:05.678Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

function makeLog(level: Parameters<typeof createLog>[0]) {
  const lines: string[] = [];
  return { lines, log: createLog(level, (line) => lines.push(line)) };
}

describe('the log', () => {
  it('is one line of JSON for each event', () => {
    const { lines, log } = makeLog('info');
    log.info('client_connected', { key: '[ab]', port: 5, app: undefined, more: 'a\nb' });
    expect(lines).toEqual([
      '{"time":"2026-01-02T03:04:05.678Z","level":"info","event":"client_connected","key":"[ab]","port":5,"more":"a\\nb"}\n',
    ]);
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ] as const)('at level %s has %j', (level, expected) => {
    const { lines, log } = makeLog(level);
    for (const name of ['debug', 'info', 'warn', 'error'] as const) log[name](name);
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(expected);
  });
});

describe('noise', () => {
  const start = (interval?: number) => {
    const { lines, log } = makeLog('info');
    return { noise: new Noise(log, interval), events: () => lines.map((line) => JSON.parse(line)) };
  };

  it('is summed up in one line an interval, when there was any', () => {
    const { noise, events } = start(100);
    for (let i = 0; i < 3; i++) noise.count('bad_http_request');
    noise.count('login_failed');
    vi.advanceTimersByTime(99);
    expect(events()).toEqual([]);
    vi.advanceTimersByTime(1);
    const time = expect.any(String);
    expect(events()).toEqual([{ time, level: 'info', event: 'noise', bad_http_request: 3, login_failed: 1 }]);
    vi.advanceTimersByTime(1000);
    expect(events()).toHaveLength(1);
    noise.count('login_failed');
    vi.advanceTimersByTime(100);
    expect(events()[1]).toEqual({ time, level: 'info', event: 'noise', login_failed: 1 });
    expect(noise.totals).toMatchObject({ bad_http_request: 3, login_failed: 2, bad_frame: 0 });
    expect(Object.keys(noise.totals)).toEqual([...noiseKinds]);
  });

  it('is summed up once a minute, and what is left of it at the end', () => {
    const { noise, events } = start();
    noise.count('bad_frame');
    vi.advanceTimersByTime(defaults.noiseInterval - 1);
    expect(events()).toEqual([]);
    expect(defaults.noiseInterval).toBe(60_000);
    noise.stop();
    expect(events()).toMatchObject([{ event: 'noise', bad_frame: 1 }]);
    expect(vi.getTimerCount()).toBe(0);
    noise.stop();
    expect(events()).toHaveLength(1);
  });
});
