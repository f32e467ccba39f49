// Bundles the two programs to single files in dist/, with the licences of everything bundled beside them.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const top = fileURLToPath(new URL('..', import.meta.url));
// Built aside and put in place whole, so that a program started meanwhile finds the old build or the new one.
const dist = join(top, `dist.${process.pid}`);
process.once('exit', () => rmSync(dist, { recursive: true, force: true }));
const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));

mkdirSync(dist, { recursive: true });

/**
 * Parts of acme-client that are never used: its older cryptography, and the names of file types for uploads. Without them
 * the program is a fifth smaller.
 */
const leftOut = {
  name: 'left-out',
  setup({ onLoad }) {
    const filter = /node_modules\/(acme-client\/src\/crypto\/forge\.js|mime-db\/db\.json)$/;
    onLoad({ filter }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

const result = await build({
  plugins: [leftOut],
  absWorkingDir: top,
  entryPoints: ['src/cli/derp-setup.ts', 'src/cli/derp-relay.ts'],
  outdir: dist,
  bundle: true,
  platform: 'node',
  format: 'esm',
  // What both programs need is written once, and what few runs need is read by those only.
  splitting: true,
  chunkNames: 'parts/[name]-[hash]',
  target: 'node20',
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  define: { __VERSION__: JSON.stringify(version) },
  // ws looks for these native helpers and does well without them.
  external: ['bufferutil', 'utf-8-validate'],
  // Bundled CommonJS parts call require() for Node's own modules, which an ES module does not have.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const match = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  if (match) packages.add(match[1]);
}
const notices = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(top, folder, 'package.json'), 'utf8'));
  const file = readdirSync(join(top, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file && existsSync(join(top, folder, file)) ? readFileSync(join(top, folder, file), 'utf8').trim() : '';
  return `${name} ${version} (${license})\n\n${text}\n`;
});
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), notices.join(`\n${'-'.repeat(78)}\n\n`));

rmSync(join(top, 'dist'), { recursive: true, force: true });
renameSync(dist, join(top, 'dist'));
