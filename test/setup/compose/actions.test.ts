import { describe, expect, it } from 'vitest';
import { containerCondition } from '../../../src/setup/relay-runner.ts';
import { neededAction } from '../../../src/setup/steps/compose.ts';

const step = { restartFor: ['/c/compose.yaml', '/c/relay.json'], reloadFor: ['/c/a.crt'] };
const running = { status: 'running' } as const;
const afterChanges = (...changed: string[]) => ({ changed: new Set(changed) });

describe('neededAction', () => {
  it.each([
    ['nothing, for one that runs what is written', running, afterChanges('/other'), undefined],
    ['a start, where there is no container', undefined, afterChanges(), 'start'],
    ['a new one for other settings', running, afterChanges('/c/relay.json'), 'recreate'],
    [
      'a new one for other settings and another certificate',
      running,
      afterChanges('/c/relay.json', '/c/a.crt'),
      'recreate',
    ],
    ['a reload for another certificate alone', running, afterChanges('/c/a.crt'), 'reload'],
    ['a new one after a run that was killed', running, { changed: new Set<string>(), unfinished: true }, 'recreate'],
    ['a new one in the place of one that was stopped', { status: 'exited' } as const, afterChanges(), 'recreate'],
    [
      'a new one in the place of one that ends again and again',
      { status: 'restarting' } as const,
      afterChanges(),
      'recreate',
    ],
  ])('%s', (_, state, context, action) => {
    expect(neededAction(step, state, context)).toBe(action);
  });
});

describe('containerCondition', () => {
  it.each([
    ['running', 'running'],
    ['restarting', 'failed'],
    ['exited', 'stopped'],
    ['paused', 'stopped'],
  ] as const)('%s: %s', (status, condition) => {
    expect(containerCondition({ status })).toBe(condition);
  });

  it('of none: stopped, as nobody may start it at night', () => {
    expect(containerCondition(undefined)).toBe('stopped');
  });
});
