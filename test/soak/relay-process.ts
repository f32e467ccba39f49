import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import type { RelayConfig } from '../../src/relay/config.ts';
import { freePort } from '../relay/support/ports.ts';
import type { Guard } from './guard.ts';
import type { Target } from './target.ts';

/** Lines of the log that are kept, for when the relay dies. */
const KEPT_LINES = 40;

/** What /debug/vars says, as far as it matters here. */
export interface Vars {
  clients: number;
  queued_bytes: number;
  internal_errors: number;
  accepts: number;
  addresses_refused: number;
  event_loop: { stalls: number; longest_stall_ms: number };
  memory: { rss: number; heapUsed: number; external: number };
  packets_received: { disco: number; other: number };
}

/** The relay as it is installed, in a process of its own on loopback. */
export class RelayProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly target: Target;
  readonly #folder: string;
  readonly #lines: string[] = [];
  readonly #exited: Promise<string>;
  #end: string | undefined;

  private constructor(child: ChildProcess, target: Target, folder: string) {
    this.child = child;
    this.target = target;
    this.#folder = folder;
    this.#exited = once(child, 'exit').then(([code, signal]) => {
      this.#end = signal === null ? `exit code ${code}` : String(signal);
      return this.#end;
    });
  }

  /**
   * Starts the built relay, with a certificate of its own.
   * @param program what dist/ has
   * @param settings more of relay.json
   * @param guard what attackers are to know of these settings
   */
  static async start(program: string, settings: Partial<RelayConfig> = {}, guard?: Guard): Promise<RelayProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'derp-relay-soak-'));
    const certificate = { certFile: join(folder, '127.0.0.1.crt'), keyFile: join(folder, '127.0.0.1.key') };
    const { certPem, keyPem } = await makeSelfSignedCertificate('127.0.0.1');
    await writeFile(certificate.certFile, certPem);
    await writeFile(certificate.keyFile, keyPem);
    const [port, httpPort, stunPort] = [await freePort(), await freePort(), await freePort()];
    const config = {
      listen: { host: '127.0.0.1', port },
      httpPort,
      stunPort,
      hostname: '127.0.0.1',
      certificate,
      keyFile: join(folder, 'derper.key'),
      admission: null,
      logLevel: 'info',
      ...settings,
    };
    await writeFile(join(folder, 'relay.json'), JSON.stringify(config));
    const child = spawn(process.execPath, [program, '--config', join(folder, 'relay.json')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let publicKey: Buffer | undefined;
    const target: Target = {
      port,
      httpPort,
      stunPort,
      certificate,
      guard,
      get publicKey() {
        return publicKey!;
      },
      reload: async () => void child.kill('SIGHUP'),
    };
    const relay = new RelayProcess(child, target, folder);
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr! }).on('line', (line) => {
        relay.#keep(line);
        const key = /"event":"listening".*"public_key":"([0-9a-f]{64})"/.exec(line)?.[1];
        if (key === undefined) return;
        publicKey = Buffer.from(key, 'hex');
        resolve();
      });
      relay.#exited.then((end) => reject(new Error(`the relay did not start: ${end}\n${relay.#lines.join('\n')}`)));
    });
    return relay;
  }

  /** How the process ended, with its last words; undefined while it runs. */
  get obituary(): string | undefined {
    return this.#end === undefined ? undefined : `${this.#end}; its last lines:\n${this.#lines.join('\n')}`;
  }

  /** Open descriptors; undefined where the system does not show them. */
  descriptors(): number | undefined {
    try {
      return readdirSync(`/proc/${this.child.pid}/fd`).length;
    } catch {
      return undefined;
    }
  }

  /**
   * Seconds that its event loop was ready to run and had to wait for a processor, which is not its own fault; undefined
   * where the system does not say. Source: Linux, Documentation/scheduler/sched-stats.rst.
   */
  waitedForProcessor(): number | undefined {
    const { pid } = this.child;
    try {
      return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e9;
    } catch {
      return undefined;
    }
  }

  /** Processor time that all its threads have used, seconds; undefined where the system does not say. */
  cpuSeconds(): number | undefined {
    const tasks = `/proc/${this.child.pid}/task`;
    try {
      const used = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
      return used.reduce((sum, nanoseconds) => sum + Number(nanoseconds), 0) / 1e9;
    } catch {
      return undefined;
    }
  }

  /** What it counts. @throws when it does not answer in time */
  async vars(): Promise<Vars> {
    const asked = request({
      host: '127.0.0.1',
      port: this.target.port,
      path: '/debug/vars',
      rejectUnauthorized: false,
      agent: false,
      timeout: 30_000,
    });
    asked.on('timeout', () => asked.destroy(new Error('the relay does not answer /debug/vars within 30 s')));
    asked.end();
    const [response] = await once(asked, 'response');
    let body = '';
    for await (const chunk of response) body += chunk;
    return JSON.parse(body) as Vars;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === undefined) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await this.#exited;
    clearTimeout(timer);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #keep(line: string): void {
    this.#lines.push(line.slice(0, 2000));
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }
}
