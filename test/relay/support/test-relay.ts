import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { defaultRelayConfig, type RelayConfig } from '../../../src/relay/config.ts';
import { type Relay, type RelayParts, startRelay } from '../../../src/relay/relay.ts';

/** A relay on loopback, on ports the system chose, with files of its own. */
export interface TestRelay extends AsyncDisposable {
  readonly relay: Relay;
  readonly port: number;
  readonly folder: string;
  readonly config: RelayConfig;
  /** Every log line so far, parsed. */
  readonly log: Record<string, unknown>[];
  /** A counter by its path in /debug/vars: `count('packets_dropped', 'other', 'queue_head')`. */
  count(...path: string[]): number;
}

/** Starts a relay for a test; `config` and `parts` change what they name. */
export async function startTestRelay(config: Partial<RelayConfig> = {}, parts: RelayParts = {}): Promise<TestRelay> {
  const folder = await mkdtemp(join(tmpdir(), 'derp-relay-test-'));
  const certFile = join(folder, '127.0.0.1.crt');
  const keyFile = join(folder, '127.0.0.1.key');
  const pair = await makeSelfSignedCertificate('127.0.0.1');
  await writeFile(certFile, pair.certPem);
  await writeFile(keyFile, pair.keyPem);
  const log: Record<string, unknown>[] = [];
  const whole: RelayConfig = {
    ...defaultRelayConfig,
    listen: { host: '127.0.0.1', port: 0 },
    httpPort: -1,
    stunPort: -1,
    hostname: '127.0.0.1',
    certificate: { certFile, keyFile },
    keyFile: join(folder, 'derper.key'),
    drainMs: 1000,
    logLevel: 'debug',
    ...config,
  };
  const removeFolder = () => rm(folder, { recursive: true });
  const started = startRelay(whole, { writeLog: (line) => log.push(JSON.parse(line)), ...parts });
  const relay = await started.catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  return {
    relay,
    port: relay.ports.derp,
    folder,
    config: whole,
    log,
    count: (...path) =>
      path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], relay.snapshot()) as number,
    [Symbol.asyncDispose]: async () => {
      await relay.stop();
      await removeFolder();
    },
  };
}
