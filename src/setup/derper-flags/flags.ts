/** derp-relay's flags: derper's, with derper's meanings. Those that this version cannot honour are refused. */
import { readFlagVariables } from './environment.ts';
import { type GoFlagKind, parseGoBool, parseGoDuration, parseGoFlags, type RelayProblem } from './go-flags.ts';
import {
  type Read,
  type RelaySettings,
  readAcmeDirectory,
  readAdmissionUrl,
  readEmail,
  readHome,
  readHost,
  readKeyId,
  readListen,
  readNames,
  readPath,
  readPort,
  readSocketPath,
} from './settings.ts';

/** One flag that does something here. */
export interface FlagSpec<T = unknown> {
  kind: GoFlagKind;
  /** What stands for the value in help. */
  placeholder?: string;
  help: string;
  read: (text: string) => Read<T>;
}

type Specs = { [K in keyof RelaySettings]-?: FlagSpec<NonNullable<RelaySettings[K]>> & { name: string } };

function readBool(text: string): Read<boolean> {
  const value = parseGoBool(text);
  return value === undefined ? { problem: 'is not true or false' } : { value };
}

function readDuration(text: string): Read<number> {
  const value = parseGoDuration(text);
  return value === undefined ? { problem: 'is not a duration (such as 2s, 1m30s or 0)' } : { value };
}

function readRate(text: string): Read<number> {
  const value = /^\+?inf(inity)?$/i.test(text) ? Number.POSITIVE_INFINITY : Number(text);
  return text.trim() !== '' && value > 0 ? { value } : { problem: 'is not a number above 0, or Inf' };
}

function readBurst(text: string): Read<number> {
  return /^[1-9]\d{0,18}$/.test(text) ? { value: Number(text) } : { problem: 'is not a whole number above 0' };
}

const CERT_MODES = ['manual', 'letsencrypt', 'gcp'] as const;

function readCertMode(text: string): Read<(typeof CERT_MODES)[number]> {
  const value = CERT_MODES.find((mode) => mode === text);
  return value === undefined ? { problem: `is unknown; use one of ${CERT_MODES.join(', ')}` } : { value };
}

const flag = <T>(name: string, placeholder: string, help: string, read: FlagSpec<T>['read']) => ({
  name,
  kind: 'value' as const,
  placeholder,
  help,
  read,
});
/** A flag whose empty text, derper's default, asks for nothing. */
const emptyOr =
  (read: (text: string) => Read<string>) =>
  (text: string): Read<string> =>
    text === '' ? { value: '' } : read(text);
const toggle = (name: string, help: string) => ({ name, kind: 'switch' as const, help, read: readBool });

/** The flags that do something, in the order of help. */
export const flagSpecs: Specs = {
  listen: flag(
    'a',
    'addr',
    'listen here: :port, ip:port or [ip]:port; TLS on port 443 and with -certmode manual, otherwise plain HTTP (default :443)',
    readListen,
  ),
  httpPort: flag('http-port', 'port', 'plain HTTP beside TLS, -1 for none (default 80)', (text) =>
    readPort(text, true),
  ),
  stunPort: flag('stun-port', 'port', 'UDP port of STUN, -1 for none (default 3478)', (text) => readPort(text, true)),
  stun: toggle('stun', 'serve STUN (default true)'),
  derp: toggle('derp', 'serve DERP (default true)'),
  keyFile: flag(
    'c',
    'file',
    "the relay's key, made if missing (default /var/lib/derper/derper.key for root)",
    readPath,
  ),
  certMode: flag(
    'certmode',
    'mode',
    "letsencrypt, or gcp for Google's authority: ordered and renewed, on port 443 only (the default there); manual: <certdir>/<hostname>.crt and .key",
    readCertMode,
  ),
  certDir: flag(
    'certdir',
    'dir',
    "where certificates are (default derper's, ~/.cache/tailscale/derper-certs)",
    readPath,
  ),
  hostname: flag('hostname', 'name', 'name or IP address that clients dial', readHost),
  acmeDirectory: flag('acme-directory', 'url', "another authority's directory (not derper's flag)", readAcmeDirectory),
  acmeIpCerts: toggle('acme-ip-certs', 'with an IP address as -hostname: have a certificate issued for it'),
  acmeEmail: flag('acme-email', 'address', 'where the authority may write to', emptyOr(readEmail)),
  acmeEabKid: flag('acme-eab-kid', 'id', 'key id of the external account, for -certmode gcp', emptyOr(readKeyId)),
  acmeEabKey: flag('acme-eab-key', 'key', 'its HMAC key, base64', (text) => ({ value: text.trim() })),
  home: flag('home', 'page', 'page at /: empty, blank, or a URL to redirect to', readHome),
  bootstrapDnsNames: flag('bootstrap-dns-names', 'a,b', 'names that /bootstrap-dns resolves for clients', (text) =>
    readNames(text.split(',')),
  ),
  writeTimeoutMs: flag(
    'tcp-write-timeout',
    'time',
    'disconnect clients that take nothing for so long, 0 never (default 2s)',
    readDuration,
  ),
  tcpKeepAliveMs: flag('tcp-keepalive-time', 'time', 'silence before TCP keep-alives (default 10m)', readDuration),
  acceptPerSecond: flag('accept-connection-limit', 'rate', 'new connections a second (default: no limit)', readRate),
  acceptBurst: flag(
    'accept-connection-burst',
    'number',
    'new connections at once before that rate counts (default: one second of it)',
    readBurst,
  ),
  verifyClients: toggle('verify-clients', "let in only nodes of the tailnet that this machine's tailscaled is in"),
  tailscaledSocket: flag(
    'socket',
    'file',
    "tailscaled's socket, for -verify-clients (default /var/run/tailscale/tailscaled.sock)",
    emptyOr(readSocketPath),
  ),
  verifyClientUrl: flag(
    'verify-client-url',
    'url',
    'let in only whom this URL allows; with -verify-clients, both must',
    emptyOr(readAdmissionUrl),
  ),
  verifyClientUrlFailOpen: toggle(
    'verify-client-url-fail-open',
    "let everybody in while that URL cannot be reached (default false; derper's default is true)",
  ),
  verifyKeyFile: flag(
    'verify-key-file',
    'file',
    'let in the keys in this file (a nodekey:… a line), whatever the other -verify flags say',
    readPath,
  ),
  rateFile: flag(
    'rate-config',
    'file',
    "how fast one client may send, from derper's JSON file; read again on SIGHUP (default: no limit)",
    emptyOr(readPath),
  ),
  config: flag('config', 'file', 'settings from a JSON file; flags count more', readPath),
  dev: toggle('dev', 'listen on :3340 in plain HTTP, with a key for this run only'),
  version: toggle('version', 'print the version'),
  help: toggle('help', 'show this help'),
};

/** A flag of derper's that does nothing here. */
interface OtherFlag {
  kind: GoFlagKind;
  /** Texts that ask for nothing, derper's default among them. */
  inert: (text: string) => boolean;
  /** `refuse`: who asks for it must not believe to have it. `ignore`: it changes only how fast or how smoothly. */
  treatment: 'refuse' | 'ignore';
  reason: string;
}

const isOff = (text: string) => parseGoBool(text) === false;
const isEmpty = (text: string) => text === '';
const never = () => false;

const refuse = (kind: GoFlagKind, reason: string): OtherFlag => ({
  kind,
  inert: kind === 'switch' ? isOff : isEmpty,
  treatment: 'refuse',
  reason,
});
const ignore = (kind: GoFlagKind, reason: string): OtherFlag => ({ kind, inert: never, treatment: 'ignore', reason });

const NO_MESH = 'is not in this version yet: the relay would stay alone in its region';

/** Derper's flags that do nothing here. One that limits something is never passed over in silence. */
export const otherFlags: Record<string, OtherFlag> = {
  'mesh-psk-file': refuse('value', NO_MESH),
  'mesh-with': refuse('value', NO_MESH),
  'secrets-url': refuse('value', 'is not done: the mesh key it fetches has no use here'),
  'secrets-path-prefix': ignore('value', 'has no effect without -secrets-url'),
  'secrets-cache-dir': ignore('value', 'has no effect without -secrets-url'),
  'unpublished-bootstrap-dns-names': refuse('value', 'is not done; name them with -bootstrap-dns-names'),
  'tcp-user-timeout': ignore('value', 'cannot be set from Node; -tcp-write-timeout ends stuck connections'),
  ace: refuse('switch', 'is not done'),
};

/** A flag that is passed over, and why. */
export interface IgnoredFlag {
  flag: string;
  reason: string;
}

/** What a command line says. */
export interface RelayFlags {
  settings: RelaySettings;
  /** The settings whose text cannot be used; what builds on them cannot be judged either. */
  unusable: Set<keyof RelaySettings>;
  ignored: IgnoredFlag[];
  problems: RelayProblem[];
}

/** Flags that derper's help answers to as well. */
const ALIASES: Record<string, string> = { h: 'help' };

function kindsOfAll(): Map<string, GoFlagKind> {
  const own = Object.values(flagSpecs).map(({ name, kind }): [string, GoFlagKind] => [name, kind]);
  const others = Object.entries(otherFlags).map(([name, { kind }]): [string, GoFlagKind] => [name, kind]);
  const aliases = Object.keys(ALIASES).map((name): [string, GoFlagKind] => [name, 'switch']);
  return new Map([...own, ...others, ...aliases]);
}

/** The text of a flag, and how people know where it was given. */
interface GivenText {
  name: string;
  text: string;
  subject: string;
  /** For a text that cannot be used. */
  quoted: string;
}

/** Those of the command line, and of the variables what it does not say. */
function givenTexts(
  values: ReadonlyMap<string, string>,
  kinds: ReadonlyMap<string, GoFlagKind>,
  environment: Readonly<Record<string, string | undefined>>,
): { texts: GivenText[]; unknown: string[] } {
  const onLine = [...values].map(([given, text]): GivenText => {
    const name = ALIASES[given] ?? given;
    return { name, text, subject: `-${name}`, quoted: `-${name} ${JSON.stringify(text)}` };
  });
  const said = new Set(onLine.map(({ name }) => name));
  const { texts, unknown } = readFlagVariables(environment, kinds.keys());
  const byVariable = texts
    .filter(({ flag: name }) => !said.has(name))
    .map(({ flag: name, variable, text }): GivenText => {
      return { name, text, subject: variable, quoted: `${variable}=${JSON.stringify(text)}` };
    });
  return { texts: [...onLine, ...byVariable], unknown };
}

/**
 * Reads the command line, and below it the variables by which images of derper are set up; every problem is found before
 * the first is told.
 */
export function readRelayFlags(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): RelayFlags {
  const kinds = kindsOfAll();
  const { values, problems } = parseGoFlags(argv, kinds);
  const given = givenTexts(values, kinds, environment);
  const settings: Record<string, unknown> = {};
  const unusable = new Set<keyof RelaySettings>();
  // A misspelt one may be a limit that nobody enforces.
  const ignored: IgnoredFlag[] = given.unknown.map((flag) => ({ flag, reason: 'is not a setting that is known here' }));
  for (const { name, text, subject, quoted } of given.texts) {
    const other = otherFlags[name];
    if (other) {
      if (other.inert(text)) continue;
      if (other.treatment === 'refuse') problems.push({ subject, message: other.reason });
      else ignored.push({ flag: subject, reason: other.reason });
      continue;
    }
    const [key, spec] = Object.entries(flagSpecs).find(([, candidate]) => candidate.name === name)!;
    const read: Read<unknown> = spec.read(text);
    if ('value' in read) {
      settings[key] = read.value;
      continue;
    }
    unusable.add(key as keyof RelaySettings);
    problems.push({ subject: quoted, message: read.problem });
  }
  return { settings: settings as RelaySettings, unusable, ignored, problems };
}
