/** Whether an nginx, as it was built, can pass connections on by name. */
import { findDeep, type NginxConfiguration } from './configuration.ts';
import type { NginxObstacle } from './obstacle.ts';

/** nginx as it was built and installed. */
export interface NginxBuild {
  version: string;
  /** The words of its `./configure`. */
  arguments: readonly string[];
  /** Where its modules are. */
  modulesPath: string;
  /** The file of the stream module is there. */
  hasStreamFile: boolean;
}

/** `ssl_preread` came with this one. Source: nginx.org, ngx_stream_ssl_preread_module. */
const FIRST_VERSION = '1.11.5';

const STREAM_MODULE = 'ngx_stream_module.so';

const DEBIAN = 'apt install libnginx-mod-stream';
const RED_HAT = 'dnf install nginx-mod-stream';

/** Which command installs the module, by the system's id in /etc/os-release. Arch has it built in. */
const PACKAGES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['debian', 'ubuntu', 'linuxmint', 'raspbian', 'pop'].map((id) => [id, DEBIAN])),
  ...Object.fromEntries(
    ['rhel', 'centos', 'fedora', 'rocky', 'almalinux', 'ol', 'amzn', 'anolis', 'openEuler'].map((id) => [id, RED_HAT]),
  ),
  alpine: 'apk add nginx-mod-stream',
};

function isOlder(version: string, first: string): boolean {
  const [found, wanted] = [version, first].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  const at = wanted!.findIndex((part, i) => part !== (found![i] ?? 0));
  return at >= 0 && (found![at] ?? 0) < wanted![at]!;
}

/** What this nginx lacks. */
export function buildObstacles(
  { version, arguments: words, modulesPath, hasStreamFile }: NginxBuild,
  { main }: NginxConfiguration,
  osId: string,
): NginxObstacle[] {
  if (isOlder(version, FIRST_VERSION)) return [{ code: 'nginx-too-old', version, first: FIRST_VERSION }];
  const found: NginxObstacle[] = [];
  const isBuiltIn = words.includes('--with-stream');
  const isLoaded = findDeep(
    main,
    ({ name, args }) => name === 'load_module' && args[0]?.endsWith(STREAM_MODULE) === true,
  );
  const hasPreread = words.includes('--with-stream_ssl_preread_module');
  if (!hasPreread || !(isBuiltIn || isLoaded)) {
    const state = hasPreread && hasStreamFile ? 'not-loaded' : 'absent';
    const module = `${modulesPath}/${STREAM_MODULE}`;
    found.push({ code: 'nginx-no-stream', state, package: PACKAGES[osId], module });
  }
  if (!words.includes('--with-http_realip_module')) found.push({ code: 'nginx-no-real-ip' });
  return found;
}
