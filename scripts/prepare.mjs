// Makes a clean clone ready: installs the locked dependencies and builds dist/, each only when out of date.
// Runs before `npm start`, `npm test` and `npm pack`; everything it prints goes to stderr, stdout stays the program's.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: top, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(top, path)))
      .update('\0');
  return hash.digest('hex');
}

function filesBelow(folder) {
  if (!existsSync(join(top, folder))) return [];
  return readdirSync(join(top, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length))
    .sort();
}

/** Runs `make` unless `stamp` says it already ran for these very inputs. */
function upToDate(stamp, inputs, make) {
  const path = join(top, stamp);
  const now = digest(inputs);
  if (existsSync(path) && readFileSync(path, 'utf8') === now) return;
  make();
  writeFileSync(path, now);
}

upToDate('node_modules/.derp-setup-installed', ['package.json', 'package-lock.json'], () => {
  process.stderr.write('Installing dependencies (npm ci) …\n');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm?.endsWith('.js')) run(process.execPath, [npm, ...args]);
  else run('npm', args);
});

upToDate('dist/.built-from', ['package-lock.json', 'scripts/build.mjs', 'package.json', ...filesBelow('src')], () => {
  run(process.execPath, [join(top, 'scripts/build.mjs')]);
});
