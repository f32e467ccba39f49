/** The package as npm would publish it, packed once for the run. The script has built dist/ before. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { workFolder } from './settings.ts';
import { until } from './wait.ts';

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
  return await packOnce(top, packageFolder());
}

/** Packs a project into a folder. Of the test files that run side by side the first one packs, and the others wait for it. */
async function packOnce(project: string, folder: string): Promise<PackedPackage> {
  const note = join(folder, 'packed.json');
  const packed = () => existsSync(note) && (JSON.parse(readFileSync(note, 'utf8')) as PackedPackage);
  mkdirSync(folder, { recursive: true });
  return isFirst(join(folder, 'packing'))
    ? await pack(project, folder, note)
    : await until('another test file to pack the project', { seconds: 90 }, packed);
}

/** Whether nobody has asked this before by the same sign, an empty folder: the kernel lets one alone make it. */
function isFirst(sign: string): boolean {
  try {
    mkdirSync(sign);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Packs a project, and notes what came of it when the package is whole. */
async function pack(project: string, folder: string, note: string): Promise<PackedPackage> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await execa('npm', args, { cwd: project, timeout: 60_000 });
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
  // Under its name at once, because others wait for it.
  writeFileSync(`${note}.new`, JSON.stringify(result));
  renameSync(`${note}.new`, note);
  return result;
}

/**
 * Builds and packs the project as another version of itself.
 * @param damage is given the folder of the built project, to spoil something in it before it is packed
 * @returns the package's path below /opt/package
 */
export async function packVersion(version: string, damage?: (folder: string) => void): Promise<string> {
  // A folder of its own, as other test files may want the same version, spoilt in another way.
  const project = mkdtempSync(join(workFolder(), `project-${version}-`));
  const name = basename(project);
  for (const part of [
    'bin',
    'src',
    'scripts',
    'templates',
    'tsconfig.json',
    'README.md',
    'README.zh-CN.md',
    'LICENSE',
  ]) {
    cpSync(join(top, part), join(project, part), { recursive: true });
  }
  symlinkSync(join(top, 'node_modules'), join(project, 'node_modules'));
  const about = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ ...about, version }, null, 2));
  await execa(process.execPath, ['scripts/build.mjs'], { cwd: project, timeout: 120_000 });
  damage?.(project);
  // Below the folder of the one that is under test, which a test's registry offers as the newest.
  const { file } = await packOnce(project, join(packageFolder(), name));
  return `${name}/${file}`;
}

/** What `npm pack --json` says of each package. */
interface NpmPacked {
  filename: string;
  version: string;
  size: number;
  unpackedSize: number;
  files: readonly { path: string }[];
}
