/** What systemd says of a unit. */
import { CommandError, run } from '../../system/processes.ts';

/** A unit's state. */
export interface UnitStatus {
  /** Its own name, whatever alias was asked for. */
  unit: string;
  /** It runs, or is about to: also between two attempts to start it. */
  active: boolean;
  /** How it is started: `enabled`, `disabled`, `static`, `linked`, `generated`, `transient`, … */
  fileState: string;
  mainPid: number;
  /** Timers, sockets and paths that start it. */
  triggers: string[];
}

const PROPERTIES = ['Id', 'ActiveState', 'UnitFileState', 'MainPID', 'TriggeredBy', 'LoadState', 'FragmentPath'];
const RUNNING = new Set(['active', 'activating', 'reloading', 'deactivating']);

/** Reads the answer of `systemctl show`; undefined for a unit that systemd does not know. */
export function parseUnitStatus(answer: string): UnitStatus | undefined {
  const values = new Map(
    answer.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
  const property = (name: string) => values.get(name) ?? '';
  if (property('Id') === '' || property('LoadState') === 'not-found') return undefined;
  const transient = property('FragmentPath').startsWith('/run/systemd/transient/');
  return {
    unit: property('Id'),
    active: RUNNING.has(property('ActiveState')),
    fileState: property('UnitFileState') || (transient ? 'transient' : ''),
    mainPid: Number(property('MainPID')) || 0,
    triggers: property('TriggeredBy').split(/\s+/).filter(Boolean),
  };
}

/** Asks systemd about a unit; undefined when it does not know it or does not answer. */
export async function unitStatus(unit: string): Promise<UnitStatus | undefined> {
  try {
    const { code, stdout } = await run('systemctl', ['show', `--property=${PROPERTIES.join(',')}`, '--', unit]);
    return code === 0 ? parseUnitStatus(stdout) : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Whether a unit starts when the machine does, as far as its file state says. */
export function startsAtBoot({ fileState }: UnitStatus): boolean {
  return ['enabled', 'enabled-runtime', 'generated'].includes(fileState);
}
