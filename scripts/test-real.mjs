// The suites against real programs:  npm run test:real [suite…] [-- vitest's arguments]
// They need Linux and root: they install Debian packages, build Go programs and make network namespaces. What a suite
// needs is installed or built here, or the run fails with the remedy; nothing is skipped silently.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTools, fail, installPackages, must, say } from './real-programs.mjs';

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
