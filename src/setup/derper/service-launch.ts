/** How a service starts derper, from its files; for services that do not run, where there is no process to look at. */
import { posix } from 'node:path';
import { FileError, readText } from '../../system/files.ts';
import type { UnitFile } from '../../system/unit-files.ts';
import { findDerperCommand } from './command.ts';
import type { Launch } from './existing.ts';
import { relevantEnvironment } from './image-environment.ts';
import { expandSpecifiers, parseEnvironmentFile, parseService, type ServiceSettings } from './unit-file.ts';
import { expandUnitVariables } from './unit-words.ts';

/** What the service's settings are read against. */
export interface ServiceContext {
  machineName: string;
  /** The text of /etc/passwd. */
  passwd: string;
  /** The texts of the files that EnvironmentFile= names, by path. */
  environmentFiles: ReadonlyMap<string, string>;
}

/** Whether a service's files say that it runs derper on the host; a command to a container engine does not count. */
export function runsDerper({ texts }: Pick<UnitFile, 'texts'>): boolean {
  const { commands, environment } = parseService(texts);
  return commands.some((command) => findDerperCommand(command, environment) !== undefined);
}

/** A user's home directory by /etc/passwd; the user may be given by number. */
function homeOf(passwd: string, user: string): string | undefined {
  const entries = passwd.split('\n').map((line) => line.split(':'));
  return entries.find(([name, , uid]) => name === user || uid === user)?.[5];
}

function workingDirectoryOf(settings: ServiceSettings, home: string | undefined): string | undefined {
  const { workingDirectory } = settings;
  if (workingDirectory === undefined) return '/';
  return workingDirectory === '~' ? home : workingDirectory;
}

/** The command line of derper in a service; undefined when the service does not run derper. */
export function launchOfService(
  { name, texts }: Pick<UnitFile, 'name' | 'texts'>,
  { machineName, passwd, environmentFiles }: ServiceContext,
): Launch | undefined {
  const settings = parseService(texts);
  const user = settings.user ?? 'root';
  const home = homeOf(passwd, user);
  const specifiers = { unit: name, machineName, home: home ?? '/root' };
  const expand = (text: string) => expandSpecifiers(text, specifiers);
  const own = Object.entries(settings.environment).map(([key, value]): [string, string] => [key, expand(value)]);
  const fromFiles = settings.environmentFiles.map((path) => environmentFiles.get(expand(path)) ?? '');
  const environment = {
    ...(home !== undefined && { HOME: home }),
    ...Object.fromEntries(own),
    // Files count more than the unit's own assignments.
    ...Object.assign({}, ...fromFiles.map(parseEnvironmentFile)),
  };
  for (const command of settings.commands) {
    const words = expandUnitVariables(command.map(expand), environment);
    const commandLine = findDerperCommand(words, environment);
    if (commandLine === undefined) continue;
    return {
      commandLine,
      workingDirectory: workingDirectoryOf(settings, home),
      environment: relevantEnvironment(environment),
      runsAsRoot: user === 'root' || user === '0',
    };
  }
  return undefined;
}

/** The files that a service's EnvironmentFile= names, as far as they can be read. */
export async function readEnvironmentFiles(
  { name, texts }: Pick<UnitFile, 'name' | 'texts'>,
  machineName: string,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const named of parseService(texts).environmentFiles) {
    const path = expandSpecifiers(named, { unit: name, machineName, home: '/root' });
    if (!posix.isAbsolute(path)) continue;
    try {
      found.set(path, await readText(path));
    } catch (error) {
      // Missing, or not for this user: the variables stay empty, and what depends on them is asked for.
      if (!(error instanceof FileError)) throw error;
    }
  }
  return found;
}
