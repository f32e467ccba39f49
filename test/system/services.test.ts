import { describe, expect, it } from 'vitest';
import { CommandError } from '../../src/system/processes.ts';
import {
  daemonReload,
  disableUnit,
  enableUnit,
  parseUnitState,
  parseUtcTimestamp,
  recentJournal,
  reloadUnit,
  resetFailedUnit,
  restartUnit,
  startUnit,
  stopUnit,
  timerNext,
  unitState,
} from '../../src/system/services.ts';
import { recordedRun } from './recorded-run.ts';

// What systemd 252 printed for units in these states.
const running = `MainPID=71
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/etc/systemd/system/derp-relay.service
UnitFileState=enabled
StateChangeTimestamp=Sat 2026-11-21 12:21:59 UTC
ActiveEnterTimestamp=Sat 2026-11-21 12:21:57 UTC
NeedDaemonReload=no
`;
const exited = `MainPID=0
Result=exit-code
NRestarts=0
ExecMainCode=1
ExecMainStatus=3
LoadState=loaded
ActiveState=failed
SubState=failed
FragmentPath=/etc/systemd/system/b.service
UnitFileState=static
StateChangeTimestamp=Sat 2026-11-21 12:21:58 UTC
ActiveEnterTimestamp=Sat 2026-11-21 12:21:57 UTC
NeedDaemonReload=yes
`;
const killed = exited
  .replace('Result=exit-code', 'Result=signal')
  .replace('ExecMainCode=1', 'ExecMainCode=2')
  .replace('ExecMainStatus=3', 'ExecMainStatus=9')
  .replace('NRestarts=0', 'NRestarts=5');
const missing = `MainPID=0
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
LoadState=not-found
ActiveState=inactive
SubState=dead
FragmentPath=
UnitFileState=
StateChangeTimestamp=
ActiveEnterTimestamp=
NeedDaemonReload=no
`;

describe('parseUnitState', () => {
  it('of a running service', () => {
    expect(parseUnitState(running)).toEqual({
      found: true,
      active: 'active',
      subState: 'running',
      enabled: true,
      result: 'success',
      mainPid: 71,
      restarts: 0,
      since: new Date('2026-11-21T12:21:57Z'),
      fragmentPath: '/etc/systemd/system/derp-relay.service',
      needsReload: false,
    });
  });

  it('of one that ended by itself', () => {
    expect(parseUnitState(exited)).toEqual({
      found: true,
      active: 'failed',
      subState: 'failed',
      enabled: false,
      result: 'exit-code',
      exitStatus: 3,
      restarts: 0,
      since: new Date('2026-11-21T12:21:58Z'),
      fragmentPath: '/etc/systemd/system/b.service',
      needsReload: true,
    });
  });

  it('of one that a signal ended again and again', () => {
    expect(parseUnitState(killed)).toMatchObject({ result: 'signal', exitStatus: 137, restarts: 5 });
  });

  it.each([missing, ''])('of one that is not there', (text) => {
    expect(parseUnitState(text)).toMatchObject({ found: false, active: 'inactive', enabled: false, restarts: 0 });
    expect(Object.keys(parseUnitState(text))).not.toEqual(expect.arrayContaining(['mainPid']));
  });

  it('is not led astray by values with an equals sign', () => {
    expect(parseUnitState('LoadState=loaded\nFragmentPath=/a=b/x.service\n').fragmentPath).toBe('/a=b/x.service');
  });
});

describe('parseUtcTimestamp', () => {
  it.each([
    ['Sat 2026-11-21 15:39:56 UTC', '2026-11-21T15:39:56.000Z'],
    ['2026-11-21 15:39:56 UTC', '2026-11-21T15:39:56.000Z'],
    ['Sat 2026-11-21 15:39:56.123456 UTC', '2026-11-21T15:39:56.000Z'],
  ])('reads %s', (text, time) => {
    expect(parseUtcTimestamp(text)?.toISOString()).toBe(time);
  });

  it.each(['', 'n/a', '0', 'infinity', 'Sat 2026-11-21 15:39:56 CET', undefined])('takes nothing from %s', (text) => {
    expect(parseUtcTimestamp(text)).toBeUndefined();
  });
});

// There is no systemd where these tests run; what its commands do is tried on a machine that has one.
describe('the commands', () => {
  it.each([
    ['daemonReload', daemonReload, 'systemctl daemon-reload'],
    ['enableUnit', enableUnit, 'systemctl enable -- x.service'],
    ['disableUnit', disableUnit, 'systemctl disable -- x.service'],
    ['startUnit', startUnit, 'systemctl start -- x.service'],
    ['stopUnit', stopUnit, 'systemctl stop -- x.service'],
    ['restartUnit', restartUnit, 'systemctl restart -- x.service'],
    ['reloadUnit', reloadUnit, 'systemctl reload -- x.service'],
    ['resetFailedUnit', resetFailedUnit, 'systemctl reset-failed -- x.service'],
  ] as const)('%s is run within a time, and its failure is told', async (_name, act, command) => {
    const call = (run: ReturnType<typeof recordedRun>['run']) =>
      act === daemonReload ? act(run) : (act as typeof startUnit)('x.service', run);
    const good = recordedRun();
    await call(good.run);
    expect(good.commands).toEqual([command]);
    expect(good.options[0]?.timeoutMs).toBeGreaterThan(90_000);
    const bad = recordedRun(() => ({ code: 1, stderr: 'Failed to do it: Access denied\n' }));
    await expect(call(bad.run)).rejects.toThrow(CommandError);
    await expect(call(bad.run)).rejects.toThrow('Failed to do it: Access denied');
  });

  it.each([
    ['disable', disableUnit, 'Failed to disable unit: Unit file x.service does not exist.'],
    ['stop', stopUnit, 'Failed to stop x.service: Unit x.service not loaded.'],
    ['reset-failed', resetFailedUnit, 'Failed to reset failed state of unit x.service: Unit x.service not loaded.'],
  ])('to %s what is not there is no failure', async (_what, act, stderr) => {
    await act('x.service', recordedRun(() => ({ code: 1, stderr })).run);
  });

  it('asks systemctl for times that can be read', async () => {
    const { run, commands, options } = recordedRun(() => ({ stdout: running }));
    expect((await unitState('x.service', run)).mainPid).toBe(71);
    expect(options[0]?.env).toEqual({ TZ: 'UTC0' });
    expect(commands[0]).toMatch(/^systemctl show --property=LoadState,.*,NeedDaemonReload -- x\.service$/);
  });

  it('fails where systemd does not answer', async () => {
    const { run } = recordedRun(() => ({ code: 1, stderr: 'Failed to connect to bus: Host is down' }));
    await expect(unitState('x.service', run)).rejects.toThrow('Failed to connect to bus');
  });

  it('tells when a timer runs next', async () => {
    const next = (stdout: string) => timerNext('x.timer', recordedRun(() => ({ stdout })).run);
    expect(await next('NextElapseUSecRealtime=Sat 2026-11-21 15:39:56 UTC')).toEqual(new Date('2026-11-21T15:39:56Z'));
    expect(await next('NextElapseUSecRealtime=')).toBeUndefined();
  });
});

describe('recentJournal', () => {
  it('gives the lines, after what is on its way has arrived', async () => {
    const { run, commands } = recordedRun(() => ({ stdout: 'Started x.\n\nderp-relay: cannot listen\n' }));
    const since = new Date('2026-11-21T15:39:56.789Z');
    expect(await recentJournal('x.service', { lines: 5, since }, run)).toEqual([
      'Started x.',
      'derp-relay: cannot listen',
    ]);
    const read = `journalctl -u x.service -n 5 --since=@${since.getTime() / 1000 - 0.789} -o cat --no-pager -q`;
    expect(commands).toEqual(['journalctl --sync', read]);
  });

  it('never fails', async () => {
    expect(await recentJournal('x', { lines: 5 }, recordedRun(() => ({ code: 1, stdout: 'x' })).run)).toEqual([]);
    const absent = () => Promise.reject(new CommandError('not-found', 'journalctl', []));
    expect(await recentJournal('x', { lines: 5 }, absent)).toEqual([]);
  });
});
