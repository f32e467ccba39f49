/** What kind of machine this is. */
import { arch, type as osType, totalmem } from 'node:os';
import { kindOf, readTextIfPresent } from './files.ts';
import { CommandError, run } from './processes.ts';
import { isSystemdRunning } from './services.ts';

export interface Machine {
  /** The short name of the distribution: `debian`, `ubuntu`, `rocky` …; of another system its kernel's in lower case. */
  osId: string;
  /** As people call it: `Debian GNU/Linux 12 (bookworm)`. */
  osName: string;
  /** Node's name of the processor: `x64`, `arm64` … */
  architecture: string;
  memoryBytes: number;
  isRoot: boolean;
  /** Only where it manages this machine's services. Version 0 when it does not tell. */
  systemd?: { version: number };
  /** The kind of container that this is inside of: `docker`, `podman`, `lxc`, `systemd-nspawn` … */
  container?: string;
}

/** The variables of /etc/os-release, whose values are quoted as in a shell (os-release(5)). */
export function parseOsRelease(text: string): Record<string, string> {
  const entries = text.split('\n').flatMap((line): [string, string][] => {
    const found = /^\s*([A-Za-z_]\w*)=(.*?)\s*$/.exec(line);
    return found ? [[found[1]!, unquote(found[2]!)]] : [];
  });
  return Object.fromEntries(entries);
}

function unquote(value: string): string {
  const single = /^'([^']*)'$/.exec(value);
  if (single) return single[1]!;
  return (/^"(.*)"$/.exec(value)?.[1] ?? value).replace(/\\(["$`\\'])/g, '$1');
}

/** The number in `systemctl --version`: `systemd 252 (252.38-1~deb12u1)`. */
export function parseSystemdVersion(text: string): number | undefined {
  const version = /^systemd (\d+)/m.exec(text)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** What a container's first process was told of its kind, in the text of /proc/1/environ. */
export function parseContainerVariable(environment: string): string | undefined {
  const entry = environment.split('\0').find((variable) => variable.startsWith('container='));
  return entry?.slice('container='.length) || undefined;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return (await readTextIfPresent(path)) ?? '';
  } catch {
    // Another user's, or not a file: it says nothing then.
    return '';
  }
}

async function findContainer(): Promise<string | undefined> {
  const told = (await readOrEmpty('/run/systemd/container')).trim();
  if (told) return told;
  if ((await kindOf('/run/.containerenv')) === 'file') return 'podman';
  if ((await kindOf('/.dockerenv')) === 'file') return 'docker';
  return parseContainerVariable(await readOrEmpty('/proc/1/environ'));
}

async function findSystemd(): Promise<Machine['systemd']> {
  if (!(await isSystemdRunning())) return undefined;
  try {
    const { stdout } = await run('systemctl', ['--version'], { timeoutMs: 10_000 });
    return { version: parseSystemdVersion(stdout) ?? 0 };
  } catch (error) {
    // It runs without its own commands; it cannot be used then.
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Looks at the machine; never fails for what cannot be found out. */
export async function describeMachine(): Promise<Machine> {
  const release = parseOsRelease((await readOrEmpty('/etc/os-release')) || (await readOrEmpty('/usr/lib/os-release')));
  const [systemd, container] = await Promise.all([findSystemd(), findContainer()]);
  return {
    osId: release.ID || osType().toLowerCase(),
    osName: release.PRETTY_NAME || release.NAME || osType(),
    architecture: arch(),
    memoryBytes: totalmem(),
    isRoot: process.getuid?.() === 0,
    ...(systemd ? { systemd } : {}),
    ...(container ? { container } : {}),
  };
}
