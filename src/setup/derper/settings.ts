/** What a derper's command line means, with the defaults that derper has for what is not said. */
import { posix } from 'node:path';
import type { HomePage, ListenAddress } from '../../relay/config.ts';
import { OFF } from '../answers/values.ts';
import { parseGoBool } from '../derper-flags/go-flags.ts';
import { readHome, readListen, readPort } from '../derper-flags/settings.ts';
import { readDerperFlags } from './arguments.ts';
import type { Launch } from './existing.ts';

/** A derper's settings; its paths and ports are those that it sees itself. */
export interface DerperSettings {
  hostname: string;
  /** Undefined: what was given is no address to listen on. */
  listen: ListenAddress | undefined;
  /** Derper speaks TLS on port 443 and with `-certmode manual`; otherwise something in front of it does. */
  tls: boolean;
  httpPort: number | undefined;
  stunPort: number | undefined;
  /** A key for this run only (`-dev`). */
  temporaryKey: boolean;
  keyFile: string | undefined;
  certMode: string;
  certDir: string | undefined;
  ipCertificates: boolean;
  email: string | undefined;
  verifyClients: boolean;
  socket: string | undefined;
  verifyUrl: string | undefined;
  /** Whether clients are let in when that URL does not answer; derper's default, and not this program's. */
  failOpen: boolean;
  meshKeyFile: string | undefined;
  meshWith: string[];
  home: HomePage;
  /** Derper's file for what one client may send. */
  rateFile: string | undefined;
  /** Flags that are given and ask for something that is not among the above. */
  others: string[];
}

/** The flags that the settings above hold. */
const HELD = new Set([
  'a',
  'http-port',
  'stun-port',
  'stun',
  'c',
  'certmode',
  'certdir',
  'hostname',
  'acme-ip-certs',
  'acme-email',
  'verify-clients',
  'socket',
  'verify-client-url',
  'verify-client-url-fail-open',
  'mesh-psk-file',
  'mesh-with',
  'home',
  'rate-config',
  'dev',
  'version',
]);

const DEFAULT_HOSTNAME = 'derp.tailscale.com';
const ROOT_KEY_FILE = '/var/lib/derper/derper.key';
const DEV_PORT = 3340;
const TLS_PORT = 443;

/** The user's cache directory, as Go finds it. */
function defaultCertDir({ HOME, XDG_CACHE_HOME }: Record<string, string | undefined>): string | undefined {
  const cache = XDG_CACHE_HOME || (HOME ? posix.join(HOME, '.cache') : undefined);
  return cache && posix.join(cache, 'tailscale/derper-certs');
}

/** Reads a command line. */
export function readDerperSettings({ commandLine, environment, runsAsRoot }: Launch): DerperSettings {
  const flags = readDerperFlags(commandLine);
  const textOf = (name: string) => flags.get(name) || undefined;
  const isOn = (name: string, otherwise: boolean) => parseGoBool(flags.get(name) ?? '') ?? otherwise;
  const portOf = (name: string, otherwise: number) => {
    const read = readPort(flags.get(name) ?? String(otherwise), true);
    return 'value' in read ? read.value : undefined;
  };
  const dev = isOn('dev', false);
  const listen = readListen(flags.get('a') ?? `:${TLS_PORT}`);
  const address = 'value' in listen ? listen.value : undefined;
  const certMode = flags.get('certmode') ?? 'letsencrypt';
  const tls = certMode === 'manual' || (!dev && address?.port === TLS_PORT);
  const home = readHome(flags.get('home') ?? '');
  return {
    hostname: flags.get('hostname') ?? DEFAULT_HOSTNAME,
    listen: dev ? { host: null, port: DEV_PORT } : address,
    tls,
    // Without TLS there is no second port: the first is plain already.
    httpPort: tls ? portOf('http-port', 80) : OFF,
    stunPort: isOn('stun', true) ? portOf('stun-port', 3478) : OFF,
    temporaryKey: dev,
    keyFile: textOf('c') ?? (runsAsRoot ? ROOT_KEY_FILE : undefined),
    certMode,
    certDir: textOf('certdir') ?? defaultCertDir(environment),
    ipCertificates: isOn('acme-ip-certs', false),
    email: textOf('acme-email'),
    verifyClients: isOn('verify-clients', false),
    socket: textOf('socket'),
    verifyUrl: textOf('verify-client-url'),
    failOpen: isOn('verify-client-url-fail-open', true),
    meshKeyFile: textOf('mesh-psk-file'),
    meshWith: (flags.get('mesh-with') ?? '').split(',').filter((name) => name !== ''),
    home: 'value' in home ? home.value : 'default',
    rateFile: textOf('rate-config'),
    others: [...flags]
      .filter(([name, text]) => !HELD.has(name) && asksForSomething(name, text))
      .map(([name]) => `-${name}`),
  };
}

/** `-derp=true` is what every relay does; a flag that is empty or off asks for nothing. */
function asksForSomething(name: string, text: string): boolean {
  return name === 'derp' ? parseGoBool(text) === false : text !== '' && parseGoBool(text) !== false;
}
