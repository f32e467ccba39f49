// The wire format and the relay on every supported Node:  npm run test:nodes [version…] [-- --others]
// A version is a major (24) or exact (22.12.0); without any: all supported majors. With --others the release that runs
// this is left out, for after `npm test`, which has run the same tests on it. The relay reads its sockets by Node's
// internals, so what passes on one release may fail on another. Each runtime comes from npm (the package "node") and is
// kept in ~/.cache/derp-setup/node; one that cannot be had is a failure, not a skip.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { must, run, say } from './real-programs.mjs';

const MAJORS = ['20', '22', '24', '26'];
const TESTS = ['test/protocol', 'test/relay'];
/** A major is looked up again after this time, because it stands for its newest release. */
const FRESH_FOR = 7 * 24 * 3_600_000;

const top = fileURLToPath(new URL('..', import.meta.url));
const cache = join(homedir(), '.cache', 'derp-setup', 'node');

function runtimeIn(folder) {
  return join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** What a runtime says its version is; undefined when it does not run. */
function versionOf(runtime) {
  const { status, stdout } = spawnSync(runtime, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Installs the runtime aside, so that an interrupted download is never taken for one. @returns whether it worked */
async function install(version, folder) {
  mkdirSync(cache, { recursive: true });
  const aside = mkdtempSync(join(cache, '.new-'));
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  // The package's install script fetches the runtime for this platform.
  const options = ['--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error'];
  const args = [...first, 'install', '--prefix', aside, ...options, `node@${version}`];
  const isInstalled = await run(command, args, { cwd: aside }).then(
    () => true,
    () => false,
  );
  if (isInstalled && versionOf(runtimeIn(aside)) !== undefined) {
    rmSync(folder, { recursive: true, force: true });
    renameSync(aside, folder);
    return true;
  }
  rmSync(aside, { recursive: true, force: true });
  return false;
}

/** The runtime for a version, from the cache or from npm; undefined when it cannot be had. */
async function findRuntime(version) {
  const folder = join(cache, version);
  const runtime = runtimeIn(folder);
  const there = existsSync(runtime) && versionOf(runtime) !== undefined;
  const isFresh = there && (version.includes('.') || Date.now() - statSync(folder).mtimeMs < FRESH_FOR);
  if (!isFresh) {
    say(`getting Node ${version}`);
    if (!(await install(version, folder)) && there)
      say(`could not look for a newer Node ${version}; using the one at hand`);
  }
  const exact = existsSync(runtime) ? versionOf(runtime) : undefined;
  return exact !== undefined && `${exact}.`.startsWith(`${version}.`) ? { runtime, exact } : undefined;
}

/** Runs the tests on one version. @returns what came of it, and whether that is good */
function test(version, found) {
  if (found === undefined) return { ok: false, line: `Node ${version}: could not be had from npm` };
  const { runtime, exact } = found;
  say(`Node ${exact}: ${TESTS.join(' ')}`);
  const started = performance.now();
  const { status } = spawnSync(runtime, [join(top, 'node_modules/vitest/vitest.mjs'), 'run', ...TESTS], {
    cwd: top,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${dirname(runtime)}${delimiter}${process.env.PATH ?? ''}` },
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  return { ok: status === 0, line: `Node ${exact}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s` };
}

const words = process.argv.slice(2).filter((word) => word !== '--others');
const isForOthers = words.length < process.argv.length - 2;
const versions = words.length > 0 ? words : MAJORS;
const wrong = versions.filter((version) => !/^\d+(\.\d+\.\d+)?$/.test(version));
if (wrong.length > 0) {
  say(`not a version of Node: ${wrong.join(', ')}; a major (24) or an exact one (22.12.0) is`);
  process.exit(2);
}
must(process.execPath, [join(top, 'scripts/prepare.mjs')]);
// All are got at once; the tests, which measure times, run alone.
const runtimes = await Promise.all(
  [...new Set(versions)].map(async (version) => [version, await findRuntime(version)]),
);
const isLeftOut = (found) => isForOthers && found?.exact === process.versions.node;
const results = runtimes.filter(([, found]) => !isLeftOut(found)).map(([version, found]) => test(version, found));
for (const { line } of results) say(line);
for (const [, found] of runtimes)
  if (isLeftOut(found)) say(`Node ${found.exact}: left out, it is the one that runs this`);
const failed = results.filter(({ ok }) => !ok).length;
say(failed === 0 ? `all ${results.length} passed` : `${failed} of ${results.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;
