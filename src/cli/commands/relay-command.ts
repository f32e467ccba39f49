/** `derp-relay` and `derp-setup relay`: the relay alone, in the foreground. It speaks English, as its log does. */
import { join, resolve } from 'node:path';
import type { RelayConfig } from '../../relay/config.ts';
import { keepYoungGenerationSmall } from '../../relay/heap.ts';
import { createLog } from '../../relay/log.ts';
import { startRelay } from '../../relay/relay.ts';
import { RelayStartError } from '../../relay/start-error.ts';
import { readRelayFlags } from '../../setup/derper-flags/flags.ts';
import type { RelayProblem } from '../../setup/derper-flags/go-flags.ts';
import { FileError } from '../../system/files.ts';
import { withTemporaryDirectory } from '../../system/temporary.ts';
import { buildRelayConfig, type OrderedCertificate } from '../relay/build-config.ts';
import { ensureAddressCertificate } from '../relay/certificate.ts';
import { readConfigFile } from '../relay/config-file.ts';
import { relayHelp } from '../relay/help.ts';
import { describeOwner, preflight } from '../relay/preflight.ts';

const EXIT = { done: 0, failed: 1, badInput: 2 };

const writeError = (line: string) => process.stderr.write(line);

/** Tells all problems, one line each. */
function tellProblems(program: string, problems: readonly RelayProblem[]): number {
  for (const { subject, message } of problems) writeError(`${program}: ${subject} ${message}\n`);
  return EXIT.badInput;
}

/** Why the relay did not start, with the name of who came in between. */
async function startFailure({ errno, message, port, protocol }: RelayStartError): Promise<string> {
  if (errno !== 'EADDRINUSE' || port === undefined || protocol === undefined) return message;
  return `cannot listen on ${port}/${protocol}: in use by ${await describeOwner(protocol, port)}`;
}

/** What the process is asked by signals. */
interface Requests {
  /** Resolves when it is to end. */
  end: Promise<void>;
  /** Who answers SIGHUP; before there is a relay, nobody. */
  reload: () => Promise<void>;
}

/** Takes over the signals, before the relay starts: a manager may send one as soon as the relay says that it listens. */
function watchSignals(): Requests {
  const requests: Requests = { end: Promise.resolve(), reload: async () => {} };
  // A failed reload keeps what there was, and the relay has logged why.
  process.on('SIGHUP', () => void requests.reload().catch(() => {}));
  requests.end = new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        // A second one does not wait for the clients.
        process.once(name, () => process.exit(EXIT.done));
        resolve();
      });
    }
  });
  return requests;
}

async function serve(config: RelayConfig, program: string, authority?: OrderedCertificate): Promise<number> {
  keepYoungGenerationSmall();
  const log = createLog(config.logLevel, writeError);
  const requests = watchSignals();
  const ended = new AbortController();
  void requests.end.then(() => ended.abort());
  try {
    // The authority's client is loaded where it is needed only.
    const ordering = authority && (await import('../relay/ordered-certificate.ts'));
    const ordered = authority && { config, authority, log, environment: process.env };
    if (ordering && ordered) {
      const problem = await ordering.ensureOrderedCertificate(ordered, ended.signal);
      if (problem !== undefined) {
        writeError(`${program}: ${problem}\n`);
        return EXIT.failed;
      }
    } else await ensureAddressCertificate(config, log);
    const relay = await startRelay(config);
    requests.reload = () => relay.reload();
    const renewing = ordered && ordering?.renewWhileServing(ordered, relay, ended.signal);
    await requests.end;
    await renewing;
    await relay.stop();
    return EXIT.done;
  } catch (error) {
    // Asked to end while the authority was waited for.
    if (ended.signal.aborted) return EXIT.done;
    if (error instanceof RelayStartError) writeError(`${program}: ${await startFailure(error)}\n`);
    else if (error instanceof FileError) writeError(`${program}: ${error.message}\n`);
    else throw error;
    return EXIT.badInput;
  }
}

/** Runs the daemon with these words of the command line; resolves to the exit code. */
export async function relayCommand(program: string, argv: readonly string[]): Promise<number> {
  const { settings, unusable, ignored: passedOver, problems } = readRelayFlags(argv, process.env);
  if (settings.help) {
    process.stdout.write(`${relayHelp(program)}\n`);
    return EXIT.done;
  }
  if (settings.version) {
    process.stdout.write(`derp-relay ${__VERSION__}\n`);
    return EXIT.done;
  }
  const file = settings.config === undefined ? undefined : await readConfigFile(resolve(settings.config));
  const isRoot = process.getuid?.() === 0;
  const input = { settings, unusable, file: file?.config ?? {}, environment: process.env, isRoot };
  const { config, problems: more, ignored, authority } = buildRelayConfig(input);
  const all = [...problems, ...(file?.problems ?? []), ...more];
  if (all.length > 0) return tellProblems(program, all);

  const obstacles = await preflight(config, { ownKey: !settings.dev, ordered: authority !== undefined });
  if (obstacles.length > 0) return tellProblems(program, obstacles);
  const log = createLog(config.logLevel, writeError);
  for (const { flag, reason } of [...passedOver, ...ignored]) log.warn('flag_ignored', { flag, reason });
  if (!settings.dev) return serve(config, program, authority);
  return withTemporaryDirectory('derp-relay-', (directory) =>
    serve({ ...config, keyFile: join(directory, 'derper.key') }, program),
  );
}
