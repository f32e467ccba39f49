/** What derp-relay can be told by flags, before it becomes a RelayConfig. */
import type { HomePage, ListenAddress } from '../../relay/config.ts';
import { OFF, parseHome, parseHost, parsePort } from '../answers/values.ts';
import { parseAcmeDirectory, parseEmail, parseKeyId } from '../certificate/values.ts';

/** Every setting is absent until somebody gives it. */
export interface RelaySettings {
  config?: string;
  listen?: ListenAddress;
  httpPort?: number;
  stunPort?: number;
  stun?: boolean;
  derp?: boolean;
  keyFile?: string;
  certMode?: 'manual' | 'letsencrypt' | 'gcp';
  certDir?: string;
  hostname?: string;
  acmeDirectory?: string;
  acmeIpCerts?: boolean;
  acmeEmail?: string;
  acmeEabKid?: string;
  /** A secret. */
  acmeEabKey?: string;
  home?: HomePage;
  bootstrapDnsNames?: string[];
  writeTimeoutMs?: number;
  tcpKeepAliveMs?: number;
  acceptPerSecond?: number;
  acceptBurst?: number;
  verifyClients?: boolean;
  tailscaledSocket?: string;
  /** Empty for none. */
  verifyClientUrl?: string;
  verifyClientUrlFailOpen?: boolean;
  verifyKeyFile?: string;
  /** Empty for none. */
  rateFile?: string;
  dev?: boolean;
  version?: boolean;
  help?: boolean;
}

/** A value, or what is wrong with the text. */
export type Read<T> = { value: T } | { problem: string };

/** Go's names of two ports. */
const SERVICES: Record<string, number> = { https: 443, http: 80 };

/** A port; `-1` only where the port can be switched off. */
export function readPort(text: string, offAllowed = false): Read<number> {
  const parsed = parsePort(text, { offAllowed });
  return parsed.ok ? parsed : { problem: `is not a port (1 to 65535${offAllowed ? ', or -1 for none' : ''})` };
}

/** `:443`, `443`, `203.0.113.7:443`, `[2001:db8::7]:443`, `name:443`. */
export function readListen(text: string): Read<ListenAddress> {
  const problem = 'is not an address to listen on (":port", "ip:port" or "[ip]:port")';
  const match = /^["']?(?:(\[[^\]]+\]|[^:[\]]*):)?([a-z]+|\d+)["']?$/.exec(text.trim());
  if (!match) return { problem };
  const [, hostText = '', portText = ''] = match;
  const port = readPort(String(SERVICES[portText] ?? portText));
  if ('problem' in port) return port;
  if (hostText === '' || hostText === '[::]') return { value: { host: null, port: port.value } };
  const host = hostText === '0.0.0.0' ? { ok: true as const, value: hostText } : parseHost(hostText);
  return host.ok ? { value: { host: host.value, port: port.value } } : { problem };
}

/** A name or address. */
export function readHost(text: string): Read<string> {
  const parsed = parseHost(text);
  return parsed.ok ? parsed : { problem: 'is neither a host name nor an IP address' };
}

/** derper's forms of the home page: nothing for the default one, `blank`, or a URL. */
export function readHome(text: string): Read<HomePage> {
  const parsed = parseHome(text);
  return parsed.ok ? parsed : { problem: 'is no page (empty, blank, or a URL to redirect to)' };
}

/** Names with commas between them. */
export function readNames(names: readonly string[]): Read<string[]> {
  const hosts = names.map((name) => name.trim()).filter((name) => name !== '');
  const bad = hosts.find((host) => !parseHost(host).ok);
  return bad === undefined ? { value: hosts } : { problem: `holds ${JSON.stringify(bad)}, which is not a host name` };
}

/** A file or directory. */
export function readPath(text: string): Read<string> {
  return text.trim() === '' ? { problem: 'needs a path' } : { value: text };
}

/** The directory of a certificate authority. */
export function readAcmeDirectory(text: string): Read<string> {
  const parsed = parseAcmeDirectory(text);
  return parsed.ok ? parsed : { problem: 'is not a URL that begins with https://' };
}

/** An e-mail address. */
export function readEmail(text: string): Read<string> {
  const parsed = parseEmail(text);
  return parsed.ok ? parsed : { problem: 'is not an e-mail address' };
}

/** The id of an external account's key. */
export function readKeyId(text: string): Read<string> {
  const parsed = parseKeyId(text);
  return parsed.ok ? parsed : { problem: 'is not a key id' };
}

/** A URL that is asked who may use the relay. */
export function readAdmissionUrl(text: string): Read<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fine = (url?.protocol === 'https:' || url?.protocol === 'http:') && url.hostname !== '' && text.length <= 2048;
  return fine ? { value: text } : { problem: 'is not a URL that begins with https:// or http://' };
}

/** The longest path of a unix socket that Linux takes, bytes. Source: unix(7), sun_path. */
const MAX_SOCKET_PATH = 107;

/** The path of a unix socket. Nothing need be there yet. */
export function readSocketPath(text: string): Read<string> {
  const path = readPath(text);
  if ('problem' in path || Buffer.byteLength(text) <= MAX_SOCKET_PATH) return path;
  return { problem: `is longer than the ${MAX_SOCKET_PATH} bytes that the path of a unix socket can have` };
}

/** A STUN port as the config wants it: none when STUN is switched off. */
export function effectiveStunPort(port: number, stun: boolean | undefined): number {
  return stun === false ? OFF : port;
}
