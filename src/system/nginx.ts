/** The nginx of this machine, by its own command: what it is, what it is configured to do, and having it do so. */
import { CommandError, type Run, run } from './processes.ts';

/** nginx, as it was built. */
export interface Nginx {
  version: string;
  /** The words of its `./configure`: modules, paths. */
  arguments: readonly string[];
}

/** A file of its configuration. */
export interface NginxFile {
  path: string;
  text: string;
}

/** Why nginx does not do what is wanted of it. `test`: its configuration is refused; `reload`: it cannot be told. */
export class NginxError extends Error {
  override readonly name = 'NginxError';
  readonly problem: 'test' | 'reload';
  /** What nginx says, line by line. */
  readonly said: readonly string[];

  constructor(problem: NginxError['problem'], said: readonly string[]) {
    super(said[0] ?? `nginx: ${problem} failed`);
    this.problem = problem;
    this.said = said;
  }
}

const TIMEOUT_MS = 30_000;

/** What `nginx -V` says; undefined when it is not nginx that speaks. */
export function parseNginxVersion(text: string): Nginx | undefined {
  const version = /^nginx version: \S+?\/(\d[\w.]*)/m.exec(text)?.[1];
  if (version === undefined) return undefined;
  const words = /^configure arguments: (.*)$/m.exec(text)?.[1] ?? '';
  return { version, arguments: words.match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? [] };
}

/** The nginx that is installed; undefined when there is none. */
export async function findNginx(runner: Run = run): Promise<Nginx | undefined> {
  try {
    const { code, stderr, stdout } = await runner('nginx', ['-V'], { timeoutMs: TIMEOUT_MS });
    return code === 0 ? parseNginxVersion(`${stderr}\n${stdout}`) : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/**
 * The files that `nginx -T` prints, each behind a line `# configuration file PATH:`; a file that is included more than
 * once is printed once. nginx ends each with a line end of its own.
 */
export function parseNginxDump(text: string): NginxFile[] {
  const parts = text.split(/^# configuration file (.+):\n/m).slice(1);
  const files: NginxFile[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    files.push({ path: parts[at]!, text: parts[at + 1]!.replace(/\n$/, '') });
  }
  return files;
}

/** What of nginx's messages says something: without the dates and the assurance that all is well. */
function messagesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !/syntax is ok|test is successful/.test(line));
}

/** The configuration that nginx would read now. @throws NginxError when nginx itself refuses it */
export async function readNginxConfiguration(runner: Run = run): Promise<NginxFile[]> {
  const { code, stdout, stderr } = await runner('nginx', ['-T'], { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new NginxError('test', messagesOf(stderr));
  return parseNginxDump(stdout);
}

/** Has nginx test the configuration on disk. @throws NginxError */
export async function testNginx(runner: Run = run): Promise<void> {
  const { code, stderr } = await runner('nginx', ['-t'], { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new NginxError('test', messagesOf(stderr));
}

/** Has the running nginx read its configuration again; its connections go on. @throws NginxError */
export async function reloadNginx(runner: Run = run): Promise<void> {
  const { code, stderr } = await runner('nginx', ['-s', 'reload'], { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new NginxError('reload', messagesOf(stderr));
}
