// What the suites against real programs and the benchmark share: Debian packages, the Go toolchain, and programs built
// from pinned Go modules, once, into a cache outside the repository.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
const program = basename(process.argv[1] ?? '', '.mjs').replace('-', ':');

/** Says what is wrong, and ends. */
export function fail(code, ...lines) {
  for (const line of lines) process.stderr.write(`${program}: ${line}\n`);
  process.exit(code);
}

/** One line on stderr. */
export function say(line) {
  process.stderr.write(`${program}: ${line}\n`);
}

/** The path of a program, or undefined. */
function findProgram(name, more = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...more];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Runs a command with its output on our stderr; ends the run when it fails. */
export function must(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], ...options });
  if (status !== 0) fail(1, `${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

/** Installs the Debian packages that are missing. */
export function installPackages(packages) {
  const missing = Object.entries(packages)
    .filter(([, sign]) => (sign.startsWith('/') ? !existsSync(sign) : !findProgram(sign)))
    .map(([name]) => name);
  if (missing.length === 0) return;
  if (!findProgram('apt-get'))
    fail(1, `these programs are missing, and there is no apt-get here: ${missing.join(', ')}`);
  say(`installing the Debian packages ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  must('apt-get', ['-q', 'update'], { env });
  must('apt-get', ['-q', '-y', 'install', '--no-install-recommends', ...missing], { env });
}

/** The Go toolchain; it must be as new as the pinned modules ask for. */
function findGo(folders) {
  const wanted = folders.map((folder) => /^go (\S+)$/m.exec(readFileSync(join(top, folder, 'go.mod'), 'utf8'))[1]);
  const newest = wanted.sort(compareVersions).at(-1);
  const remedy = `install Go ${newest} or newer (https://go.dev/doc/install) and have "go" in PATH or in /usr/local/go/bin`;
  const go = findProgram('go', ['/usr/local/go/bin', '/usr/lib/go/bin']);
  if (!go) fail(1, `Go is needed to build the real programs, and it is not here: ${remedy}`);
  const env = { ...process.env, GOTOOLCHAIN: 'local' };
  const version = /\bgo(\d+(?:\.\d+)*)/.exec(spawnSync(go, ['version'], { env, encoding: 'utf8' }).stdout ?? '')?.[1];
  if (!version || compareVersions(version, newest) < 0) fail(1, `${go} is Go ${version ?? '?'}, too old: ${remedy}`);
  return go;
}

function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Builds the programs of Go modules, once for each state of their files, and gives the folder they are in: the tools
 * that a module pins, or with `target` '.' the module itself.
 */
export function buildTools(suite, folders, tags, target = 'tool') {
  const go = findGo(folders);
  const pins = createHash('sha256').update(tags);
  for (const folder of folders) {
    for (const file of ['go.mod', 'go.sum', 'main.go']) {
      const path = join(top, folder, file);
      if (existsSync(path)) pins.update('\0').update(readFileSync(path));
    }
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'derp-setup', suite);
  const ready = join(cache, pins.digest('hex').slice(0, 16));
  if (existsSync(ready)) return ready;

  say(`building the programs of ${folders.join(' and ')} into ${ready} (some minutes, once)`);
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, 'unfinished-'));
  process.once('exit', () => rmSync(unfinished, { recursive: true, force: true }));
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };
  for (const folder of folders) {
    const began = Date.now();
    const flags = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags=-s -w', `-tags=${tags}`];
    must('nice', [go, 'build', ...flags, '-o', `${unfinished}/`, target], { cwd: join(top, folder), env });
    say(`built ${folder} in ${Math.round((Date.now() - began) / 1000)} s`);
  }
  renameSync(unfinished, ready);
  return ready;
}
