// The suites against real programs:  npm run test:real [suite or test file…] [-- vitest's arguments]
// They need Linux and root: they install Debian packages, build Go programs, make network namespaces and boot machines in
// containers. What a suite needs is installed, built or downloaded here, or the run fails with the remedy; nothing is
// skipped silently.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { composeModules, prepareCompose, prepareDocker } from './real-docker.mjs';
import { leftByMachines, madeForMachines, prepareMachines, runningFolder, sweepMachines } from './real-machines.mjs';
import { allMade, buildTools, endBy, fail, installPackages, must, say } from './real-programs.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));

const goModules = ['test/interop/tailscale', 'test/interop/headscale'];
const pebbleModules = ['test/acme/pebble'];

const goTools = `Go to build ${goModules.join(', ')}`;

/** Tailscale's and Headscale's own programs. Tailscale compiles its WebSocket client in with this tag only. */
const interopTools = () => buildTools('interop', goModules, 'ts_debug_websockets');

/** What it takes to boot machines. */
const forMachines = {
  'systemd-container': 'systemd-nspawn',
  debootstrap: 'debootstrap',
  'debian-archive-keyring': '/usr/share/keyrings/debian-archive-keyring.gpg',
  iproute2: 'ip',
  'util-linux': 'nsenter',
};

/** The environment of every suite that boots machines; they have Tailscale's programs at hand. */
const machines = (prefix) => ({
  DERP_VPS_MACHINES: prepareMachines(),
  DERP_VPS_RUNNING: runningFolder(prefix),
  DERP_INTEROP_TOOLS: interopTools(),
});

/**
 * The suites there are. A package is installed when its file is not there; `prepare` makes the rest of what the suite
 * needs, which `needs` names, and gives the environment that leads the tests to it: values, or promises of them, as all
 * that is to be made is made side by side.
 */
const suites = {
  interop: {
    about: "our relay and Tailscale's derper with Tailscale's and Headscale's own programs",
    folder: 'test/interop/',
    packages: {
      iproute2: 'ip',
      procps: 'sysctl',
      curl: 'curl',
      ufw: 'ufw',
      nftables: 'nft',
      iptables: 'iptables',
      firewalld: 'firewall-cmd',
      'dbus-daemon': 'dbus-daemon',
      'ca-certificates': '/etc/ssl/certs/ca-certificates.crt',
    },
    needs: goTools,
    prepare: () => ({ DERP_INTEROP_TOOLS: interopTools() }),
  },
  vps: {
    about: 'the packed derp-setup, run by npx on a freshly booted Debian',
    folder: 'test/vps/',
    packages: forMachines,
    needs: `${madeForMachines}, and ${goTools}`,
    prepare: machines,
  },
  acme: {
    about: "certificates ordered of Pebble, Let's Encrypt's own test authority, here and on a freshly booted Debian",
    folder: 'test/acme/',
    packages: forMachines,
    needs: `Go to build ${[...pebbleModules, ...goModules].join(', ')}, and ${madeForMachines}`,
    prepare: (prefix) => ({ ...machines(prefix), DERP_ACME_TOOLS: buildTools('acme', pebbleModules, '') }),
  },
};
/** Boots machines and lets an authority come to them, as the suite acme does. */
suites.nginx = {
  ...suites.acme,
  about: 'the packed derp-setup on a freshly booted Debian where nginx serves websites',
  folder: 'test/nginx/',
};
/** Machines with Docker; the relay runs in a container there. */
suites.docker = {
  ...suites.vps,
  about: 'the packed derp-setup on a freshly booted Debian with Docker, and both generations of Compose',
  folder: 'test/docker/',
  needs: `${madeForMachines}, the same with Docker, and Go to build ${[...composeModules, ...goModules].join(', ')}`,
  prepare: (prefix) => ({
    ...machines(prefix),
    DERP_DOCKER_MACHINE: prepareDocker(),
    DERP_DOCKER_COMPOSE: prepareCompose(),
  }),
};

/** Splits the command line into suites, test files (which narrow their suite down to them), and what is vitest's. */
function chosenSuites(args) {
  // npm itself swallows the first --, so what begins with a dash is vitest's without it too.
  const end = args.findIndex((arg) => arg.startsWith('-'));
  const words = end < 0 ? args : args.slice(0, end);
  const forVitest = end < 0 ? [] : args.slice(args[end] === '--' ? end + 1 : end);
  const files = words.filter((word) => word.includes('/'));
  const suiteOf = (file) => Object.keys(suites).find((name) => file.startsWith(suites[name].folder)) ?? file;
  const names = [...words.filter((word) => !word.includes('/')), ...files.map(suiteOf)];
  const problems = names.filter((name) => !Object.hasOwn(suites, name)).map((name) => `there is no suite "${name}"`);
  if (problems.length > 0) fail(2, ...problems, `the suites are: ${Object.keys(suites).join(', ')}`);
  const chosen = names.length > 0 ? [...new Set(names)] : Object.keys(suites);
  const folders = chosen
    .filter((name) => !files.some((file) => suiteOf(file) === name))
    .map((name) => suites[name].folder);
  return { names: chosen, paths: [...folders, ...files], forVitest };
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

/** Tidies up after one run, whose namespaces, control groups and folders have names that begin with its prefix. */
async function sweep(prefix) {
  sweepNamespaces(prefix);
  await sweepMachines(prefix);
}

/** Tidies up after the runs that were killed so that they could not do it themselves: those whose process is gone. */
async function sweepAbandoned() {
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  const pids = [...namespaces, ...leftByMachines()].map((name) => /^derp(\d+)(-|$)/.exec(name)?.[1]);
  for (const pid of new Set(pids)) {
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await sweep(`derp${pid}`);
  }
}

/** Runs vitest on test files and folders with them, and gives its exit code, when its workers have ended too. */
function runVitest(paths, forVitest, env) {
  const vitest = join(top, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', 'vitest.real.config.ts', ...paths, ...forVitest];
  const child = spawn(process.execPath, args, { cwd: top, env: { ...process.env, ...env }, stdio: ['ignore', 1, 2] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once('error', (error) => fail(1, `could not start vitest: ${error.message}`));
    // A vitest that was killed leaves its workers to notice it by themselves.
    child.once('close', (code) => (code === null || code > 1 ? setTimeout(resolve, 3000, code ?? 1) : resolve(code)));
  });
}

const { names, paths, forVitest } = chosenSuites(process.argv.slice(2));
if (process.platform !== 'linux') fail(2, 'the suites against real programs run on Linux only');
if (process.getuid() !== 0) {
  fail(
    2,
    'root is needed: the suites install packages and make network namespaces',
    `try:  sudo npm run test:real ${names.join(' ')}`,
  );
}
for (const name of names) {
  const { about, packages, needs } = suites[name];
  say(`${name}: ${about}`);
  say(`${name}: needs the Debian packages ${Object.keys(packages).join(', ')}, and ${needs}`);
}

must(process.execPath, [join(top, 'scripts/prepare.mjs')]);
await sweepAbandoned();
const prefix = `derp${process.pid}`;
installPackages(Object.assign({}, ...names.map((name) => suites[name].packages)));
const variables = names.flatMap((name) => Object.entries(suites[name].prepare(prefix)));
const values = await allMade(variables.map(([, value]) => value)).catch(endBy);
const env = Object.fromEntries(variables.map(([variable], index) => [variable, values[index]]));
const work = mkdtempSync(join(tmpdir(), 'derp-real-'));
for (const name of names) {
  env[`DERP_${name.toUpperCase()}_WORK`] = work;
  env[`DERP_${name.toUpperCase()}_PREFIX`] = prefix;
}
// Other suites boot machines as the suite vps does.
env.DERP_VPS_WORK ??= work;
env.DERP_VPS_PREFIX ??= prefix;
env.DERP_ACME_WORK ??= work;
const code = await runVitest(paths, forVitest, env);
await sweep(prefix);
if (code === 0) rmSync(work, { recursive: true, force: true });
else say(`the programs' logs are kept in ${work}`);
process.exitCode = code;
