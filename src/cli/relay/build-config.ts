/** From flags and a config file to a RelayConfig, with derper's meanings where flags leave something open. */
import { homedir, hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { certificateBaseName } from '../../deploy/layout.ts';
import { defaultRelayConfig, type RelayConfig } from '../../relay/config.ts';
import { OFF } from '../../setup/answers/values.ts';
import type { IgnoredFlag } from '../../setup/derper-flags/flags.ts';
import type { RelayProblem } from '../../setup/derper-flags/go-flags.ts';
import { effectiveStunPort, type RelaySettings } from '../../setup/derper-flags/settings.ts';
import { chooseAdmission } from './choose-admission.ts';

/** Everything that the configuration is made of. */
export interface BuildInput {
  settings: RelaySettings;
  /** Settings that were given but cannot be used; nothing is said about what they leave open. */
  unusable: ReadonlySet<keyof RelaySettings>;
  /** The fields of the config file. */
  file: Partial<RelayConfig>;
  environment: Record<string, string | undefined>;
  isRoot: boolean;
}

/** What to start, or why not. */
export interface BuiltConfig {
  config: RelayConfig;
  problems: RelayProblem[];
  /** Flags that have no effect beside the others. */
  ignored: IgnoredFlag[];
}

const TLS_PORT = 443;
const DEV_PORT = 3340;
const ROOT_KEY_FILE = '/var/lib/derper/derper.key';

/** Where derper keeps certificates unless it is told. */
function defaultCertDir({ environment }: BuildInput): string {
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tailscale/derper-certs');
}

/** The TLS key pair, by derper's rule: `-certmode manual` names it, port 443 requires it, otherwise plain HTTP. */
function chooseCertificate(
  input: BuildInput,
  listen: RelayConfig['listen'],
  problems: RelayProblem[],
): RelayConfig['certificate'] {
  const { settings, file, unusable } = input;
  if (settings.dev || unusable.has('certMode')) return null;
  if (settings.certMode !== 'manual') {
    if (settings.certDir !== undefined) {
      problems.push({ subject: '-certdir', message: 'needs -certmode manual' });
    }
    if (file.certificate !== undefined) return file.certificate;
    if (listen.port === TLS_PORT && !unusable.has('listen')) {
      problems.push({
        subject: `port ${TLS_PORT}`,
        message:
          'needs a certificate, and this version cannot get one itself: -certmode manual -certdir DIR -hostname NAME',
      });
    }
    return null;
  }
  const name = settings.hostname ?? file.hostname;
  if (name === undefined) {
    if (!unusable.has('hostname')) problems.push({ subject: '-certmode manual', message: 'needs -hostname' });
    return null;
  }
  const path = join(settings.certDir ?? defaultCertDir(input), certificateBaseName(name));
  return { certFile: `${path}.crt`, keyFile: `${path}.key` };
}

function chooseKeyFile({ settings, file, isRoot, unusable }: BuildInput, problems: RelayProblem[]): string {
  const named = settings.keyFile ?? file.keyFile;
  if (named !== undefined) return named;
  if (isRoot) return ROOT_KEY_FILE;
  if (!settings.dev && !unusable.has('keyFile'))
    problems.push({ subject: '-c', message: "is missing: name a file for the relay's key" });
  return '';
}

function chooseAcceptLimit({ settings, file }: BuildInput): RelayConfig['acceptLimit'] {
  const { acceptPerSecond, acceptBurst } = settings;
  if (acceptPerSecond === undefined) return file.acceptLimit ?? null;
  if (acceptPerSecond === Number.POSITIVE_INFINITY) return null;
  // Derper's default burst is so large that the limit is never met; one second's worth is what people mean.
  return { perSecond: acceptPerSecond, burst: acceptBurst ?? Math.max(1, Math.ceil(acceptPerSecond)) };
}

/** The configuration: flags, then the file, then the defaults. */
export function buildRelayConfig(input: BuildInput): BuiltConfig {
  const { settings, file } = input;
  const problems: RelayProblem[] = [];
  const listen = settings.dev
    ? { host: null, port: DEV_PORT }
    : (settings.listen ?? file.listen ?? defaultRelayConfig.listen);
  const certificate = chooseCertificate(input, listen, problems);
  const { admission, ignored, problems: contradictions } = chooseAdmission(settings, file.admission);
  problems.push(...contradictions);
  // Derper opens the plain port beside TLS only: without TLS the main port is plain already.
  const httpPort = certificate === null ? (file.httpPort ?? OFF) : (settings.httpPort ?? file.httpPort);
  const config: RelayConfig = {
    ...defaultRelayConfig,
    ...file,
    listen,
    certificate,
    hostname: settings.hostname ?? file.hostname ?? machineName(),
    httpPort: httpPort ?? defaultRelayConfig.httpPort,
    stunPort: effectiveStunPort(settings.stunPort ?? file.stunPort ?? defaultRelayConfig.stunPort, settings.stun),
    keyFile: chooseKeyFile(input, problems),
    derp: settings.derp ?? file.derp ?? defaultRelayConfig.derp,
    home: settings.home ?? file.home ?? defaultRelayConfig.home,
    bootstrapDnsNames: settings.bootstrapDnsNames ?? file.bootstrapDnsNames ?? [],
    writeTimeoutMs: settings.writeTimeoutMs ?? file.writeTimeoutMs ?? defaultRelayConfig.writeTimeoutMs,
    tcpKeepAliveMs: settings.tcpKeepAliveMs ?? file.tcpKeepAliveMs ?? defaultRelayConfig.tcpKeepAliveMs,
    acceptLimit: chooseAcceptLimit(input),
    clientRateFile: settings.rateFile === '' ? null : (settings.rateFile ?? file.clientRateFile ?? null),
    admission,
  };
  if (config.httpPort === listen.port) {
    problems.push({ subject: `-http-port ${config.httpPort}`, message: 'is the port of -a too' });
  }
  return { config, problems, ignored };
}
