// The suites against real programs:  npm run test:real [suite…] [-- vitest's arguments]
// They need Linux and root: they install Debian packages, build Go programs and make network namespaces. What a suite
// needs is installed or built here, or the run fails with the remedy; nothing is skipped silently.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));

/** The suites there are. A package is installed when its file is not there. */
const suites = {
  interop: {
    about: "our relay and Tailscale's derper with Tailscale's and Headscale's own programs",
    folder: 'test/interop/',
    packages: {
      iproute2: 'ip',
      procps: 'sysctl',
      curl: 'curl',
      'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
    },
    modules: ['test/interop/tailscale', 'test/interop/headscale'],
    // Tailscale compiles its WebSocket client into native programs only with this tag; it is used when asked for.
    buildTags: 'ts_debug_websockets',
  },
};
const planned = ['acme', 'vps', 'nginx', 'docker'];

function fail(code, ...lines) {
  for (const line of lines) process.stderr.write(`test:real: ${line}\n`);
  process.exit(code);
}

function say(line) {
  process.stderr.write(`test:real: ${line}\n`);
}

/** Splits the command line into suites and what is vitest's. */
function chosenSuites(args) {
  // npm itself swallows the first --, so what begins with a dash is vitest's without it too.
  const end = args.findIndex((arg) => arg.startsWith('-'));
  const names = end < 0 ? args : args.slice(0, end);
  const forVitest = end < 0 ? [] : args.slice(args[end] === '--' ? end + 1 : end);
  const problems = names
    .filter((name) => !Object.hasOwn(suites, name))
    .map((name) =>
      planned.includes(name) ? `the suite "${name}" is planned, but not there yet` : `there is no suite "${name}"`,
    );
  if (problems.length > 0) fail(2, ...problems, `the suites are: ${Object.keys(suites).join(', ')}`);
  return { names: names.length > 0 ? [...new Set(names)] : Object.keys(suites), forVitest };
}

/** The path of a program, or undefined. */
function findProgram(name, more = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...more];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Runs a command with its output on our stderr; ends the run when it fails. */
function must(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], ...options });
  if (status !== 0) fail(1, `${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

/** Installs the Debian packages that are missing. */
function installPackages(packages) {
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

/** Builds the programs pinned by the suite's Go modules, once for each state of the pins, and gives their folder. */
function buildTools(suite, folders, tags) {
  const go = findGo(folders);
  const pins = createHash('sha256').update(tags);
  for (const folder of folders) {
    for (const file of ['go.mod', 'go.sum']) pins.update('\0').update(readFileSync(join(top, folder, file)));
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'derp-setup', suite);
  const ready = join(cache, pins.digest('hex').slice(0, 16));
  if (existsSync(ready)) return ready;

  say(`building the programs that ${folders.join(' and ')} pin, into ${ready} (some minutes, once)`);
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, 'unfinished-'));
  process.once('exit', () => rmSync(unfinished, { recursive: true, force: true }));
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };
  for (const folder of folders) {
    const began = Date.now();
    const flags = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags=-s -w', `-tags=${tags}`];
    must('nice', [go, 'build', ...flags, '-o', `${unfinished}/`, 'tool'], { cwd: join(top, folder), env });
    say(`built ${folder} in ${Math.round((Date.now() - began) / 1000)} s`);
  }
  renameSync(unfinished, ready);
  return ready;
}

/** Removes the namespaces that a suite killed half-way has left, and the programs in them. They are ours by their name. */
function sweepNamespaces(prefix) {
  const folder = '/run/netns';
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.startsWith(`${prefix}-`)) continue;
    const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
    for (const pid of (stdout ?? '').split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    spawnSync('ip', ['netns', 'delete', name], { stdio: ['ignore', 2, 2] });
    rmSync(join('/etc/netns', name), { recursive: true, force: true });
  }
}

/** Runs vitest in the suites' folders and gives its exit code, when its workers have ended too. */
function runVitest(folders, forVitest, env) {
  const vitest = join(top, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', 'vitest.real.config.ts', ...folders, ...forVitest];
  const child = spawn(process.execPath, args, { cwd: top, env: { ...process.env, ...env }, stdio: ['ignore', 1, 2] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once('error', (error) => fail(1, `could not start vitest: ${error.message}`));
    // A vitest that was killed leaves its workers to notice it by themselves.
    child.once('close', (code) => (code === null || code > 1 ? setTimeout(resolve, 3000, code ?? 1) : resolve(code)));
  });
}

const { names, forVitest } = chosenSuites(process.argv.slice(2));
if (process.platform !== 'linux') fail(2, 'the suites against real programs run on Linux only');
if (process.getuid() !== 0) {
  fail(
    2,
    'root is needed: the suites install packages and make network namespaces',
    `try:  sudo npm run test:real ${names.join(' ')}`,
  );
}
for (const name of names) {
  const { about, packages, modules } = suites[name];
  say(`${name}: ${about}`);
  say(`${name}: needs the Debian packages ${Object.keys(packages).join(', ')}, and Go to build ${modules.join(', ')}`);
}

must(process.execPath, [join(top, 'scripts/prepare.mjs')]);
const env = {};
for (const name of names) {
  installPackages(suites[name].packages);
  env[`DERP_${name.toUpperCase()}_TOOLS`] = buildTools(name, suites[name].modules, suites[name].buildTags);
}
const work = mkdtempSync(join(tmpdir(), 'derp-real-'));
const prefix = `derp${process.pid}`;
env.DERP_INTEROP_WORK = work;
env.DERP_INTEROP_PREFIX = prefix;
const code = await runVitest(
  names.map((name) => suites[name].folder),
  forVitest,
  env,
);
sweepNamespaces(prefix);
if (code === 0) rmSync(work, { recursive: true, force: true });
else say(`the programs' logs are kept in ${work}`);
process.exitCode = code;
