/** Reads nginx's configuration as it would be without our changes. Changes nothing. */
import { basename } from 'node:path';
import { readConfiguration } from '../../deploy/nginx/configuration.ts';
import { NginxSyntaxError } from '../../deploy/nginx/directives.ts';
import type { NginxObstacle } from '../../deploy/nginx/obstacle.ts';
import { NGINX_FILE, NGINX_HTTPS_FILE } from '../../deploy/nginx/own-servers.ts';
import { includeDirectories } from '../../deploy/nginx/placement.ts';
import { type NginxRecord, withoutRecorded } from '../../deploy/nginx/record.ts';
import type { SourceFile } from '../../deploy/nginx/sites.ts';
import type { NginxBuild } from '../../deploy/nginx/suitability.ts';
import { editability } from '../../system/file-access.ts';
import { kindOf, readBytes, realPathOf } from '../../system/files.ts';
import { findNginx, type Nginx, NginxError, type NginxFile, readNginxConfiguration } from '../../system/nginx.ts';
import { findNginxProcesses, type NginxProcesses } from '../../system/nginx-process.ts';
import { builtWith, nginxPaths } from './running.ts';

/** What a look at nginx gives. */
export interface NginxLook {
  build: NginxBuild;
  files: SourceFile[];
  directories: ReadonlySet<string>;
  processes: NginxProcesses | undefined;
}

const OWN_SERVERS = [NGINX_FILE, NGINX_HTTPS_FILE];

const DEFAULT_MODULES = '/usr/lib/nginx/modules';

async function buildOf(nginx: Nginx): Promise<NginxBuild> {
  const modulesPath = builtWith(nginx, 'modules-path') ?? DEFAULT_MODULES;
  const hasStreamFile = (await kindOf(`${modulesPath}/ngx_stream_module.so`).catch(() => 'missing')) === 'file';
  return { ...nginx, modulesPath, hasStreamFile };
}

async function readSource({ path }: NginxFile, record: NginxRecord | undefined): Promise<SourceFile> {
  const realPath = await realPathOf(path);
  const bytes = await readBytes(realPath);
  const current = bytes.toString('utf8');
  const isText = Buffer.from(current).equals(bytes);
  const unfit = isText ? await editability(realPath) : 'not-utf8';
  const text = withoutRecorded(realPath, current, record);
  return { path, realPath, text, current, ...(unfit && { unfit }) };
}

async function existingDirectories(files: readonly SourceFile[]): Promise<Set<string>> {
  try {
    const directories = includeDirectories(readConfiguration(files));
    const kinds = await Promise.all(directories.map((path) => kindOf(path).catch(() => 'missing')));
    return new Set(directories.filter((_, at) => kinds[at] === 'directory'));
  } catch (error) {
    if (error instanceof NginxSyntaxError) return new Set();
    throw error;
  }
}

/**
 * Looks at nginx, or says why it cannot be looked at.
 * @param ours files of ours in its configuration, which are left out
 */
export async function lookAtNginx(
  record: NginxRecord | undefined,
  ours: readonly string[],
): Promise<NginxLook | NginxObstacle> {
  const nginx = await findNginx();
  if (nginx === undefined) return { code: 'nginx-missing' };
  let dumped: NginxFile[];
  try {
    dumped = await readNginxConfiguration();
  } catch (error) {
    if (error instanceof NginxError) return { code: 'nginx-test-fails', said: error.said };
    throw error;
  }
  // What hands requests on is told anew, or removed, before anything else is changed.
  const isOurs = (path: string) => ours.includes(path) || OWN_SERVERS.includes(basename(path));
  const theirs = dumped.filter(({ path }) => !isOurs(path));
  const files = await Promise.all(theirs.map((file) => readSource(file, record)));
  const [build, directories, processes] = await Promise.all([
    buildOf(nginx),
    existingDirectories(files),
    findNginxProcesses(nginxPaths(nginx, dumped).pid),
  ]);
  return { build, files, directories, processes };
}
