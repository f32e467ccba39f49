import type { RelayConfig } from './config.ts';

const LEVELS = { debug: 10, info: 20, warn: 30, error: 40, silent: 100 } as const;

/** One event with its facts. Keys and values are data, never sentences with values pasted in. */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** A logger of one line an event. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Writes each event of at least `level` as one line of JSON: `{"time":…,"level":…,"event":…,…}`. */
export function createLog(level: RelayConfig['logLevel'], write: (line: string) => void): Log {
  const logAt = (name: 'debug' | 'info' | 'warn' | 'error') => (event: string, fields?: LogFields) => {
    if (LEVELS[name] < LEVELS[level]) return;
    write(`${JSON.stringify({ time: new Date().toISOString(), level: name, event, ...fields })}\n`);
  };
  return { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
}
