/** The package as npm would publish it, packed once for the run. The script has built dist/ before. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { workFolder } from './settings.ts';

/** The packed package. */
export interface PackedPackage {
  /** For example `derp-setup-0.1.0.tgz`. */
  file: string;
  version: string;
  /** What a user downloads. */
  bytes: number;
  /** What it takes on the disk, unpacked. */
  unpackedBytes: number;
  /** Paths in it. */
  files: readonly string[];
}

const top = fileURLToPath(new URL('../../..', import.meta.url));

/** The folder that the packed package is in; machines see it as `/opt/package`. */
export function packageFolder(): string {
  return join(workFolder(), 'package');
}

/** Packs the project, or gives what another test file of this run has packed. */
export async function packProject(): Promise<PackedPackage> {
  const folder = packageFolder();
  const note = join(folder, 'packed.json');
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8'));
  mkdirSync(folder, { recursive: true });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await execa('npm', args, { cwd: top, timeout: 60_000 });
  // A list, or by newer npms an object by package name.
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, NpmPacked>);
  if (!packed) throw new Error(`npm pack packed nothing: ${stdout}`);
  const result: PackedPackage = {
    file: packed.filename,
    version: packed.version,
    bytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    files: packed.files.map(({ path }) => path),
  };
  writeFileSync(note, JSON.stringify(result));
  return result;
}

/** What `npm pack --json` says of each package. */
interface NpmPacked {
  filename: string;
  version: string;
  size: number;
  unpackedSize: number;
  files: readonly { path: string }[];
}
