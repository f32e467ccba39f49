// What the suites against real programs and the benchmark share: Debian packages, the Go toolchain, and programs built
// from pinned Go modules, once, into a cache outside the repository.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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

/** Why something could not be made, in lines for the person at the prompt. */
export class Failure extends Error {
  constructor(...lines) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** Runs a command beside others, with its output on our stderr; throws a {@link Failure} when it fails. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const failed = (why = '') => reject(new Failure(`${command} ${args.join(' ')} failed${why}`));
    const child = spawn(command, args, { stdio: ['ignore', 2, 2], ...options });
    child.once('error', (error) => failed(`: ${error.message}`));
    child.once('close', (code) => (code === 0 ? resolve() : failed()));
  });
}

/**
 * Waits for all of what is being made side by side, and gives it in the same order. When something cannot be made the
 * others are finished all the same: a program that still works would be left behind, and the next run has use for them.
 */
export async function allMade(things) {
  const results = await Promise.allSettled(things);
  const reasons = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
  const mistake = reasons.find((reason) => !(reason instanceof Failure));
  if (mistake) throw mistake;
  // One thing may be wanted by several.
  if (reasons.length > 0) throw new Failure(...new Set(reasons.flatMap(({ lines }) => lines)));
  return results.map(({ value }) => value);
}

/** Ends the run by what a {@link Failure} says. */
export function endBy(reason) {
  if (!(reason instanceof Failure)) throw reason;
  fail(1, ...reason.lines);
}

/** What packages start by themselves, now and at each boot, that would change this machine: firewalld shuts its ports. */
const unwantedServices = { firewalld: 'firewalld.service' };

/** Has Debian's packages start no services while they are installed, unless this machine has rules of its own for that. */
function startNothing() {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => {};
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const allowAgain = () => rmSync(policy, { force: true });
  // Also when the run ends by a package that cannot be installed.
  process.once('exit', allowAgain);
  return allowAgain;
}

/**
 * Installs the Debian packages that are missing. Nothing is started, and nothing is removed for them, such as
 * iptables-persistent for ufw, with which the machine's own rules would go at the next boot.
 */
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
  // Another apt-get may be at work, as happens by itself on a Debian machine.
  const options = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '--no-install-recommends', '--no-remove'];
  const allowAgain = startNothing();
  must('apt-get', [...options, 'install', ...missing], { env });
  allowAgain();
  for (const name of missing) {
    const service = unwantedServices[name];
    if (service !== undefined && findProgram('systemctl')) must('systemctl', ['--root=/', 'disable', service]);
  }
}

/** What this run is making, by where it will be. */
const making = new Map();

/**
 * Makes a folder in the cache outside the repository, once for each `recipe`, and gives its path. It is made aside and put
 * in place when it is whole, so that an interrupted run leaves nothing that a later one would take for finished.
 * @param recipe all that its content depends on
 * @param make fills the empty folder that it is given
 */
export function makeOnce(suite, recipe, make) {
  const cache = join(cacheFolder(), suite);
  const ready = join(cache, createHash('sha256').update(recipe).digest('hex').slice(0, 16));
  if (!making.has(ready)) making.set(ready, makeIfMissing(cache, ready, make));
  return making.get(ready);
}

async function makeIfMissing(cache, ready, make) {
  if (existsSync(ready)) return ready;
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const maker = /^unfinished-(\d+)-/.exec(name)?.[1];
    if (maker !== undefined && !existsSync(`/proc/${maker}`)) removeTree(join(cache, name));
  }
  const unfinished = mkdtempSync(join(cache, `unfinished-${process.pid}-`));
  process.once('exit', () => removeTree(unfinished));
  await make(unfinished, ready);
  // Another run may have been quicker.
  if (!existsSync(ready)) renameSync(unfinished, ready);
  return ready;
}

/** Removes a folder, but nothing that is mounted in it, as debootstrap mounts /proc while it works. */
function removeTree(folder) {
  if (existsSync(folder)) spawnSync('rm', ['-rf', '--one-file-system', folder], { stdio: ['ignore', 2, 2] });
}

/** Where what the suites build and download is kept, outside the repository. */
export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'derp-setup');
}

/** The Go toolchain; it must be as new as the pinned modules ask for. */
function findGo(folders) {
  const wanted = folders.map((folder) => /^go (\S+)$/m.exec(readFileSync(join(top, folder, 'go.mod'), 'utf8'))[1]);
  const newest = wanted.sort(compareVersions).at(-1);
  const remedy = `install Go ${newest} or newer (https://go.dev/doc/install) and have "go" in PATH or in /usr/local/go/bin`;
  const go = findProgram('go', ['/usr/local/go/bin', '/usr/lib/go/bin']);
  if (!go) throw new Failure(`Go is needed to build the real programs, and it is not here: ${remedy}`);
  const env = { ...process.env, GOTOOLCHAIN: 'local' };
  const version = /\bgo(\d+(?:\.\d+)*)/.exec(spawnSync(go, ['version'], { env, encoding: 'utf8' }).stdout ?? '')?.[1];
  if (!version || compareVersions(version, newest) < 0)
    throw new Failure(`${go} is Go ${version ?? '?'}, too old: ${remedy}`);
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
export async function buildTools(suite, folders, tags, target = 'tool') {
  const go = findGo(folders);
  const pins = [Buffer.from(tags)];
  for (const folder of folders) {
    for (const file of ['go.mod', 'go.sum', 'main.go']) {
      const path = join(top, folder, file);
      if (existsSync(path)) pins.push(Buffer.from('\0'), readFileSync(path));
    }
  }
  return await makeOnce(suite, Buffer.concat(pins), async (unfinished, ready) => {
    say(`building the programs of ${folders.join(' and ')} into ${ready} (some minutes, once)`);
    const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };
    const build = async (folder) => {
      const began = Date.now();
      const flags = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags=-s -w', `-tags=${tags}`];
      await run('nice', [go, 'build', ...flags, '-o', `${unfinished}/`, target], { cwd: join(top, folder), env });
      say(`built ${folder} in ${Math.round((Date.now() - began) / 1000)} s`);
    };
    await allMade(folders.map(build));
  });
}
