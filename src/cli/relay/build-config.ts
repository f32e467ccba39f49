/** From flags and a config file to a RelayConfig, with derper's meanings where flags leave something open. */

import { isIP } from 'node:net';
import { homedir, hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { LETS_ENCRYPT } from '../../cert/acme/directory.ts';
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
  /** Where the certificate is ordered, unless it is somebody's own. */
  authority?: OrderedCertificate;
}

/** A certificate that derp-relay has issued and renewed by itself, as derper does. */
export interface OrderedCertificate {
  directoryUrl: string;
  /** Accounts, and the answers to challenges. */
  directory: string;
  /** Where derper itself would have kept the certificate. */
  cache: string;
  email?: string;
  externalAccount?: { keyId: string; macKey: string };
}

/** Google's public authority, derper's mode `gcp`. */
const GOOGLES_DIRECTORY = 'https://dv.acme-v02.api.pki.goog/directory';

const TLS_PORT = 443;
const DEV_PORT = 3340;
const ROOT_KEY_FILE = '/var/lib/derper/derper.key';

/** Where derper keeps certificates unless it is told. */
function defaultCertDir({ environment }: BuildInput): string {
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tailscale/derper-certs');
}

/** The files of a certificate, and the authority to order it of, where it is not somebody's own. */
interface CertificatePlan {
  files: RelayConfig['certificate'];
  authority?: OrderedCertificate;
  ignored?: IgnoredFlag[];
}

const NONE: CertificatePlan = { files: null };

/** Images have the mode set whatever the port; behind something that ends TLS that is right. */
const NOT_ORDERED: IgnoredFlag = {
  flag: '-certmode',
  reason: 'orders certificates on port 443 only; on this port plain HTTP is served, as by derper',
};

/** What derper orders of whom; undefined where that cannot be done. */
function chooseAuthority(
  { settings, unusable }: BuildInput,
  name: string,
  certDir: string,
  problems: RelayProblem[],
): OrderedCertificate | undefined {
  const { certMode = 'letsencrypt', acmeIpCerts = false, acmeEmail: email, acmeEabKid, acmeEabKey } = settings;
  const isGoogles = certMode === 'gcp';
  const isAddress = isIP(name) > 0;
  const found: RelayProblem[] = [];
  const add = (subject: string, message: string) => found.push({ subject, message });
  if (isAddress && isGoogles) add('-certmode gcp', 'needs a name as -hostname, not an IP address');
  if (isAddress && !isGoogles && !acmeIpCerts) {
    add(
      `-hostname ${name}`,
      'is an IP address: -acme-ip-certs orders a certificate for it, -certmode manual makes one',
    );
  }
  if (!isAddress && acmeIpCerts) {
    add('-acme-ip-certs', 'is for an IP address as -hostname: one relay has one certificate here');
  }
  for (const [key, flag] of [
    ['acmeEabKid', '-acme-eab-kid'],
    ['acmeEabKey', '-acme-eab-key'],
    ['acmeEmail', '-acme-email'],
  ] as const) {
    if (isGoogles && !settings[key] && !unusable.has(key)) add('-certmode gcp', `needs ${flag}`);
  }
  // Never shown: it is a secret.
  if (acmeEabKey && !/^[\w+/-]{16,1024}=*$/.test(acmeEabKey)) add('-acme-eab-key', 'is not a key in base64');
  problems.push(...found);
  if (found.length > 0) return undefined;
  return {
    directoryUrl: settings.acmeDirectory ?? (isGoogles ? GOOGLES_DIRECTORY : LETS_ENCRYPT),
    directory: join(certDir, 'acme'),
    cache: certDir,
    ...(email && { email }),
    ...(acmeEabKid && acmeEabKey && { externalAccount: { keyId: acmeEabKid, macKey: acmeEabKey } }),
  };
}

/**
 * The TLS key pair, by derper's rule: `-certmode manual` names it; on port 443 it is ordered otherwise; all else is plain
 * HTTP.
 */
function chooseCertificate(
  input: BuildInput,
  listen: RelayConfig['listen'],
  problems: RelayProblem[],
): CertificatePlan {
  const { settings, file, unusable } = input;
  if (settings.dev || unusable.has('certMode')) return NONE;
  const isManual = settings.certMode === 'manual';
  if (!isManual && file.certificate !== undefined) return { files: file.certificate };
  if (!isManual && (listen.port !== TLS_PORT || unusable.has('listen'))) {
    if (settings.certMode !== undefined) return { ...NONE, ignored: [NOT_ORDERED] };
    if (settings.certDir !== undefined && !unusable.has('listen')) {
      problems.push({ subject: '-certdir', message: `needs -certmode manual, or port ${TLS_PORT}` });
    }
    return NONE;
  }
  const name = settings.hostname ?? file.hostname;
  if (name === undefined) {
    const subject = isManual ? '-certmode manual' : `port ${TLS_PORT}`;
    const message = isManual ? 'needs -hostname' : 'needs a certificate, and for that -hostname';
    if (!unusable.has('hostname')) problems.push({ subject, message });
    return NONE;
  }
  const certDir = settings.certDir ?? defaultCertDir(input);
  const path = join(certDir, certificateBaseName(name));
  const files = { certFile: `${path}.crt`, keyFile: `${path}.key` };
  if (isManual) return { files };
  const authority = chooseAuthority(input, name, certDir, problems);
  return authority === undefined ? NONE : { files, authority };
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
  const { files: certificate, authority, ignored: modes = [] } = chooseCertificate(input, listen, problems);
  const { admission, ignored, problems: contradictions } = chooseAdmission(settings, file.admission);
  problems.push(...contradictions);
  // Derper opens the plain port beside TLS only: without TLS the main port is plain already.
  const httpPort = certificate === null ? (file.httpPort ?? OFF) : (settings.httpPort ?? file.httpPort);
  const config: RelayConfig = {
    ...defaultRelayConfig,
    ...file,
    listen,
    certificate,
    challengeDirectory: authority?.directory ?? file.challengeDirectory ?? null,
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
  return { config, problems, ignored: [...modes, ...ignored], ...(authority && { authority }) };
}
