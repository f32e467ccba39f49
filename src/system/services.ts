/** Services and timers of systemd, by its own commands. */

import { kindOf } from './files.ts';
import { CommandError, type CommandResult, orThrow, type Run, run } from './processes.ts';

/** What systemd knows of a unit. */
export interface UnitState {
  /** There is a file of this name. */
  found: boolean;
  active: 'active' | 'reloading' | 'inactive' | 'failed' | 'activating' | 'deactivating' | 'maintenance' | 'refreshing';
  /** Finer, by the kind of unit: `running`, `dead`, `auto-restart`, `waiting` … */
  subState: string;
  /** It is started at boot. */
  enabled: boolean;
  /** Why it ended: `success`, `exit-code`, `signal`, `timeout`, `oom-kill`, `start-limit-hit` … */
  result: string;
  mainPid?: number;
  /** How its main process ended last; 128 and the signal's number when a signal ended it. */
  exitStatus?: number;
  /** How often systemd has started it again by itself. */
  restarts: number;
  /** Since when it has been active, or when it last changed its state otherwise; to the second. */
  since?: Date;
  /** Its file. */
  fragmentPath?: string;
  /** Its file has changed since systemd read it. */
  needsReload: boolean;
}

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'Result',
  'MainPID',
  'ExecMainCode',
  'ExecMainStatus',
  'NRestarts',
  'ActiveEnterTimestamp',
  'StateChangeTimestamp',
  'FragmentPath',
  'NeedDaemonReload',
];

/** systemctl prints times in this zone; the names of others say too little to read them back. */
const IN_UTC = { TZ: 'UTC0' };
const ASK_TIMEOUT_MS = 15_000;
const SYNC_TIMEOUT_MS = 5_000;
/** A unit may take the 90 seconds that systemd gives it by default to start or to stop. */
const ACT_TIMEOUT_MS = 120_000;

/** ExecMainCode: how a process ended, the kernel's CLD_ numbers. */
const CLD_EXITED = 1;

/** systemd's `Sat 2026-11-21 12:21:57 UTC`, with or without fractions; undefined for "never" in its spellings. */
export function parseUtcTimestamp(text: string | undefined): Date | undefined {
  const found = /^(?:\w{3} )?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC$/.exec(text?.trim() ?? '');
  return found ? new Date(`${found[1]}T${found[2]}Z`) : undefined;
}

function parseProperties(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]));
}

/** The output of `systemctl show` for one unit, with times in UTC. */
export function parseUnitState(text: string): UnitState {
  const properties = parseProperties(text);
  const value = (name: string) => properties.get(name) ?? '';
  const number = (name: string) => Number(value(name)) || 0;
  const active = (value('ActiveState') || 'inactive') as UnitState['active'];
  const howItEnded = number('ExecMainCode');
  const status = number('ExecMainStatus');
  const since = parseUtcTimestamp(value(active === 'active' ? 'ActiveEnterTimestamp' : 'StateChangeTimestamp'));
  return {
    found: !['', 'not-found'].includes(value('LoadState')),
    active,
    subState: value('SubState'),
    enabled: value('UnitFileState') === 'enabled',
    result: value('Result'),
    ...(number('MainPID') > 0 ? { mainPid: number('MainPID') } : {}),
    ...(howItEnded > 0 ? { exitStatus: howItEnded === CLD_EXITED ? status : 128 + status } : {}),
    restarts: number('NRestarts'),
    ...(since ? { since } : {}),
    ...(value('FragmentPath') ? { fragmentPath: value('FragmentPath') } : {}),
    needsReload: value('NeedDaemonReload') === 'yes',
  };
}

/** Whether this machine was started by systemd, so that units can be started. */
export async function isSystemdRunning(): Promise<boolean> {
  return (await kindOf('/run/systemd/system')) === 'directory';
}

function show(unit: string, properties: readonly string[], runner: Run): Promise<CommandResult> {
  const args = ['show', `--property=${properties.join(',')}`, '--', unit];
  return runner('systemctl', args, { env: IN_UTC, timeoutMs: ASK_TIMEOUT_MS }).then((result) =>
    orThrow('systemctl', args, result),
  );
}

/** The state of a unit, `found: false` for one that systemd has no file of. @throws CommandError without systemd */
export async function unitState(unit: string, runner: Run = run): Promise<UnitState> {
  return parseUnitState((await show(unit, PROPERTIES, runner)).stdout);
}

/** When a timer runs next; undefined when it is not started. @throws CommandError without systemd */
export async function timerNext(unit: string, runner: Run = run): Promise<Date | undefined> {
  const { stdout } = await show(unit, ['NextElapseUSecRealtime'], runner);
  return parseUtcTimestamp(parseProperties(stdout).get('NextElapseUSecRealtime'));
}

/** Runs systemctl; a failure whose message matches `fine` is none. */
async function systemctl(runner: Run, args: readonly string[], fine?: RegExp): Promise<void> {
  const result = await runner('systemctl', args, { timeoutMs: ACT_TIMEOUT_MS });
  if (!fine?.test(result.stderr)) orThrow('systemctl', args, result);
}

/** Has systemd read the files of all units again. @throws CommandError */
export const daemonReload = (runner: Run = run): Promise<void> => systemctl(runner, ['daemon-reload']);

/** Has a unit started at boot; does not start it now. @throws CommandError */
export const enableUnit = (unit: string, runner: Run = run): Promise<void> => systemctl(runner, ['enable', '--', unit]);

/** Has a unit not started at boot any more; fine if there is none. @throws CommandError */
export const disableUnit = (unit: string, runner: Run = run): Promise<void> =>
  systemctl(runner, ['disable', '--', unit], /does not exist/);

/** Starts a unit; returns when systemd counts it as started. @throws CommandError */
export const startUnit = (unit: string, runner: Run = run): Promise<void> => systemctl(runner, ['start', '--', unit]);

/** Stops a unit; fine if there is none. @throws CommandError */
export const stopUnit = (unit: string, runner: Run = run): Promise<void> =>
  systemctl(runner, ['stop', '--', unit], /not loaded/);

/** Stops a unit if it runs, and starts it. @throws CommandError */
export const restartUnit = (unit: string, runner: Run = run): Promise<void> =>
  systemctl(runner, ['restart', '--', unit]);

/** Has a running service read its configuration again. @throws CommandError */
export const reloadUnit = (unit: string, runner: Run = run): Promise<void> => systemctl(runner, ['reload', '--', unit]);

/** Forgets that a unit has failed and how often it was started; fine if it has not. @throws CommandError */
export const resetFailedUnit = (unit: string, runner: Run = run): Promise<void> =>
  systemctl(runner, ['reset-failed', '--', unit], /not loaded/);

/**
 * The last lines that a unit wrote to the journal, the oldest first; none where there is no journal or this user may
 * not read it. It is shown to explain another failure, so it never fails itself.
 */
export async function recentJournal(
  unit: string,
  { lines, since }: { lines: number; since?: Date },
  runner: Run = run,
): Promise<string[]> {
  const from = since ? [`--since=@${Math.floor(since.getTime() / 1000)}`] : [];
  const args = ['-u', unit, '-n', String(lines), ...from, '-o', 'cat', '--no-pager', '-q'];
  try {
    // What a service wrote just before it ended may still be on its way.
    await runner('journalctl', ['--sync'], { timeoutMs: SYNC_TIMEOUT_MS });
    const { code, stdout } = await runner('journalctl', args, { timeoutMs: ASK_TIMEOUT_MS });
    return code === 0 ? stdout.split('\n').filter((line) => line.trim() !== '') : [];
  } catch (error) {
    if (error instanceof CommandError) return [];
    throw error;
  }
}
