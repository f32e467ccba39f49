// Load, side by side:  npm run bench [-- --rounds 3 --node PATH --modes tput,flood]
// Our relay and derper take turns on one core while test/bench/derpload drives them from another; prints a Markdown
// table of medians. Needs Linux with two cores, Go, and openssl. Nothing here decides whether a change may land.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { allMade, buildTools, endBy, fail, must, say } from './real-programs.mjs';

const top = fileURLToPath(new URL('..', import.meta.url));

/** What is measured: derpload's arguments, and the figures of its answer that matter. */
const loads = {
  tput: { args: ['-mode', 'tput', '-pairs', '4', '-gather', '6', '-win', '30'], figures: ['cpu_us_per_pkt', 'pps'] },
  'tput-200': {
    args: ['-mode', 'tput', '-pairs', '4', '-gather', '6', '-win', '30', '-size', '200'],
    figures: ['cpu_us_per_pkt', 'pps'],
  },
  flood: { args: ['-mode', 'flood'], figures: ['pps', 'delivered'] },
  paced: { args: ['-mode', 'paced', '-pairs', '8', '-rate', '50000'], figures: ['p99_us', 'cpu_pct'] },
  idle: { args: ['-mode', 'idle', '-n', '4000'], figures: ['kb_per_client'] },
  // Warm: the third 2,000 logins of one process.
  storm: { args: ['-mode', 'storm', '-n', '2000'], figures: ['cpu_us_per_login', 'p99_ms'], repeat: 3 },
};

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    node: { type: 'string', default: process.execPath },
    modes: { type: 'string', default: Object.keys(loads).join(',') },
  },
});
const modes = values.modes.split(',');
for (const mode of modes) if (!loads[mode]) fail(2, `there is no mode "${mode}": ${Object.keys(loads).join(', ')}`);
if (availableParallelism() < 2) fail(1, 'two cores are needed: one for the relay, one for what drives it');

must(process.execPath, [join(top, 'scripts/prepare.mjs')]);
const [tools, drivers] = await allMade([
  buildTools('interop', ['test/interop/tailscale', 'test/interop/headscale'], 'ts_debug_websockets'),
  buildTools('bench', ['test/bench/derpload'], '', '.'),
]).catch(endBy);
const derpload = join(drivers, 'derpload');

const folder = mkdtempSync(join(tmpdir(), 'derp-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
must('openssl', [
  ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=127.0.0.1'.split(' '),
  ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(folder, '127.0.0.1.key')],
  ...['-out', join(folder, '127.0.0.1.crt')],
]);

/** The relays: the same flags for both, each with a key file of its own. */
const relays = {
  ours: { port: 18443, command: [values.node, join(top, 'bin/derp-relay.cjs')], env: {} },
  derper: { port: 18444, command: [join(tools, 'derper')], env: { GOMAXPROCS: '1' } },
};

async function measure(name, { args, figures, repeat = 1 }) {
  const { port, command, env } = relays[name];
  const flags = `-a 127.0.0.1:${port} -http-port -1 -stun=false -certmode manual -hostname 127.0.0.1`.split(' ');
  const files = ['-c', join(folder, `${name}.json`), '-certdir', folder];
  const relay = spawn('taskset', ['-c', '0', ...command, ...flags, ...files], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  try {
    await delay(1500);
    let answer;
    for (let i = 0; i < repeat; i++) {
      const driver = ['-c', '1', derpload, '-addr', `127.0.0.1:${port}`, '-pid', String(relay.pid), ...args];
      const { stdout, stderr, status } = spawnSync('taskset', driver, { encoding: 'utf8' });
      if (status !== 0) fail(1, `${name}: derpload failed: ${stderr.trim()}`);
      answer = JSON.parse(stdout);
      await delay(500);
    }
    return figures.map((figure) => answer[figure]);
  } finally {
    relay.kill('SIGKILL');
    await delay(300);
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const shown = (number) => (number >= 1000 ? Math.round(number).toLocaleString('en') : number.toPrecision(3));

const version = spawnSync(values.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
process.stdout.write(
  `| load | figure | derper | ours, Node ${version} | ours ÷ derper |\n| --- | --- | --- | --- | --- |\n`,
);
for (const mode of modes) {
  const load = loads[mode];
  const runs = { ours: [], derper: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of ['derper', 'ours']) {
      say(`${mode}, round ${round + 1}, ${name}`);
      runs[name].push(await measure(name, load));
    }
  }
  for (const [i, figure] of load.figures.entries()) {
    const [theirs, ours] = [runs.derper, runs.ours].map((all) => median(all.map((run) => run[i])));
    process.stdout.write(
      `| ${mode} | ${figure} | ${shown(theirs)} | ${shown(ours)} | ${theirs > 0 ? shown(ours / theirs) : '–'} |\n`,
    );
  }
}
