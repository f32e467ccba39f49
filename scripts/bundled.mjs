// Runs a TypeScript program of the tests on any supported Node: bundled first, because Node 20 cannot read TypeScript.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const top = fileURLToPath(new URL('..', import.meta.url));

/** Bundles `entry` and runs it in the repository's folder. @returns its exit code */
export async function runBundled(entry, args, nodeArgs = []) {
  const folder = mkdtempSync(join(tmpdir(), 'derp-setup-bundle-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'program.mjs');
  await build({
    absWorkingDir: top,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
    define: { __VERSION__: JSON.stringify('0.0.0-test') },
    external: ['bufferutil', 'utf-8-validate'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const child = spawn(process.execPath, ['--enable-source-maps', ...nodeArgs, outfile, ...args], {
    cwd: top,
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child as well, which ends in good order; this process waits for it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      if (signal !== null) process.stderr.write(`ended by ${signal}\n`);
      resolve(code ?? 1);
    });
  });
}
