/** Users of the system: finding them, and making one for a service. */
import { readTextIfPresent } from './files.ts';
import { CommandError, findProgram, mustRun, type Run, run } from './processes.ts';

/** A line of the user database. */
export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

/** getent's answer when there is no such entry. */
const GETENT_NOT_FOUND = 2;

/** Programs that end a login at once, as people and distributions set them. */
const NO_SHELLS = ['nologin', 'false', 'true', 'sync', 'halt', 'shutdown'];

/** The user `name` of a text in the format of /etc/passwd; undefined when it is not there, or its line is broken. */
export function parsePasswd(text: string, name: string): User | undefined {
  for (const line of text.split('\n')) {
    const [user, , uid, gid, , home, shell] = line.split(':');
    if (user !== name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) continue;
    return { name, uid: Number(uid), gid: Number(gid), home: home ?? '', shell: shell ?? '' };
  }
  return undefined;
}

/** Whether a person or program could log in as this user, by its shell. An empty one means /bin/sh. */
export function canLogIn({ shell }: Pick<User, 'shell'>): boolean {
  return !NO_SHELLS.includes(shell.slice(shell.lastIndexOf('/') + 1)) || shell === '';
}

/** The number of the group `name` in a text in the format of /etc/group; undefined when it is not there. */
export function parseGroup(text: string, name: string): number | undefined {
  const [, , gid = ''] =
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? [];
  return /^\d+$/.test(gid) ? Number(gid) : undefined;
}

/** What the system keeps users or groups in says of one of them: a line, or the whole file; empty for nothing. */
async function lookUp(database: 'passwd' | 'group', name: string, runner: Run): Promise<string> {
  if (await findProgram('getent')) {
    const { code, stdout } = await runner('getent', [database, '--', name], { timeoutMs: 10_000 });
    if (code === 0) return stdout;
    if (code === GETENT_NOT_FOUND) return '';
  }
  return (await readTextIfPresent(`/etc/${database}`)) ?? '';
}

/** A user by name, from whatever the system keeps users in; undefined when there is none. @throws FileError */
export async function findUser(name: string, runner: Run = run): Promise<User | undefined> {
  return parsePasswd(await lookUp('passwd', name, runner), name);
}

/** The number of a group by name, in the same way. @throws FileError */
export async function findGroup(name: string, runner: Run = run): Promise<number | undefined> {
  return parseGroup(await lookUp('group', name, runner), name);
}

/** Numbers that distributions leave to system users, whose group has the same number: the last one is taken first. */
const SYSTEM_IDS = { first: 201, last: 999 };

/** Numbers of users or groups in a text in the format of /etc/passwd or /etc/group. */
export function usedIds(text: string): Set<number> {
  return new Set(text.split('\n').map((line) => Number(line.split(':')[2] || Number.NaN)));
}

/** A number that no user and no group has, for a system user; undefined when all are taken. @throws FileError */
export async function freeSystemId(runner: Run = run): Promise<number | undefined> {
  const texts = await Promise.all(['/etc/passwd', '/etc/group'].map((path) => readTextIfPresent(path)));
  const used = texts.map((text) => usedIds(text ?? ''));
  for (let id = SYSTEM_IDS.last; id >= SYSTEM_IDS.first; id--) {
    if (used.some((ids) => ids.has(id))) continue;
    // Users may be kept elsewhere too, as in LDAP.
    const found = await Promise.all(
      (['passwd', 'group'] as const).map((database) => lookUp(database, String(id), runner)),
    );
    if (found.every((text) => !usedIds(text).has(id))) return id;
  }
  return undefined;
}

/** The shell of users that must not log in. */
async function noLoginShell(): Promise<string> {
  return (await findProgram('nologin')) ?? '/bin/false';
}

/**
 * Makes a system user with a group of its own, without a password, a login shell or a home directory; `home` is only
 * what is written down as such, and is not made.
 * @param id the number of both, if it must be a certain one
 * @throws CommandError
 */
export async function createSystemUser(
  { name, home, id }: Pick<User, 'name' | 'home'> & { id?: number | undefined },
  runner: Run = run,
): Promise<void> {
  // useradd gives the group the number of its user where that is free.
  const [uid, u, g] =
    id === undefined
      ? [[], [], []]
      : [
          ['--uid', `${id}`],
          ['-u', `${id}`],
          ['-g', `${id}`],
        ];
  const shell = await noLoginShell();
  if (await findProgram('useradd')) {
    const what = ['--system', ...uid, '--user-group', '--no-create-home', '--home-dir', home, '--shell', shell];
    await mustRun('useradd', [...what, name], {}, runner);
    return;
  }
  // Busybox, as on Alpine.
  await mustRun('addgroup', ['-S', ...g, name], {}, runner);
  await mustRun('adduser', ['-S', ...u, '-D', '-H', '-h', home, '-s', shell, '-G', name, name], {}, runner);
}

/** Removes a user and the group of the same name; files are left. Fine if there is none. @throws CommandError */
export async function removeUser(name: string, runner: Run = run): Promise<void> {
  if ((await findUser(name, runner)) === undefined) return;
  const isShadow = (await findProgram('userdel')) !== undefined;
  await mustRun(isShadow ? 'userdel' : 'deluser', [name], {}, runner);
  // The group goes with its user or not, by the system's settings.
  try {
    await runner(isShadow ? 'groupdel' : 'delgroup', [name], {});
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
}
