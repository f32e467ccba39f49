/** What the relay's container sees of the machine: directories only, each at its own path. */
import { dirname } from 'node:path';
import type { RelayConfig } from '../../relay/config.ts';
import type { Layout } from '../layout.ts';

/** A directory of the machine inside the container. */
export interface Mount {
  path: string;
  writable: boolean;
}

/** Directories that the image has itself, or that lay the machine open; what is below some of them can be mounted. */
const NEVER_WHOLE = [
  ...['/', '/bin', '/boot', '/dev', '/etc', '/home', '/lib', '/lib32', '/lib64', '/libx32', '/media', '/mnt', '/opt'],
  ...['/proc', '/root', '/run', '/sbin', '/srv', '/sys', '/tmp', '/usr', '/usr/bin', '/usr/lib', '/usr/local'],
  ...['/usr/local/bin', '/usr/local/lib', '/usr/sbin', '/usr/share', '/var', '/var/lib', '/var/run', '/var/tmp'],
];

/** Whether a directory of the machine can be had in the container without hiding what the image has there. */
export function isMountable(directory: string): boolean {
  // A colon would end the path, where Docker reads it.
  return !NEVER_WHOLE.includes(directory) && !/^\/(proc|sys|dev)\/|:/.test(directory);
}

const isBelow = (path: string, directory: string) => path === directory || path.startsWith(`${directory}/`);

/** The directory that a file needs beside those of the installation; undefined when it is in one of them. */
export function directoryFor(file: string, layout: Layout): string | undefined {
  const own = [layout.configDirectory, layout.stateDirectory, layout.programsDirectory];
  return own.some((directory) => isBelow(file, directory)) ? undefined : dirname(file);
}

/** The settings that name files outside of the installation. */
type ReadFiles = Pick<RelayConfig, 'admission' | 'allowCidr' | 'denyCidr'>;

/** The files outside of the installation that the relay reads, or asks, while it runs. */
export function outsideFiles({ admission, allowCidr, denyCidr }: ReadFiles): string[] {
  const lists = [allowCidr, denyCidr].flatMap((source) => source?.files ?? []);
  return [admission?.tailscaled?.socket, admission?.keyFile, ...lists].filter((path) => path !== undefined);
}

/** Everything that is mounted, for a relay with these settings. */
export function mountsOf(relay: ReadFiles, layout: Layout): Mount[] {
  const further = outsideFiles(relay).flatMap((file) => directoryFor(file, layout) ?? []);
  return [
    { path: layout.programsDirectory, writable: false },
    { path: layout.configDirectory, writable: false },
    { path: layout.stateDirectory, writable: true },
    ...[...new Set(further)].map((path) => ({ path, writable: false })),
  ];
}
