/** Takes out of a text what nobody needs in order to help: keys, addresses, names. Pure. */
import { isIPv4, isIPv6 } from 'node:net';
import { addressScope } from '../../system/network.ts';

/** What is known to be telling, beside what looks like it. */
export interface Telling {
  /** The relay's host name or address. */
  host: string | undefined;
  /** Addresses on the web that may hold secrets, such as the admission URL. */
  urls: readonly string[];
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?(-----END \1-----|$)/g;
const FINGERPRINT = /\b(?:[0-9A-Fa-f]{2}:){15,}[0-9A-Fa-f]{2}\b/g;
// Of Tailscale, Headscale and derper.
const PRIVATE_KEY = /(privkey|tskey|hskey|mkey-private)([:-])[\w-]+/gi;
const CREDENTIALS = /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi;
const NAMED_SECRET =
  /\b((?:api|auth|access|secret|private|mesh)[_-]?(?:key|token|secret)|token|password|passwd|secret)("?\s*[:=]\s*"?)[^\s"',&]+/gi;
/** Letters of both cases and digits without a word in them, as tokens have; paths have slashes. */
const TOKEN = /(?<![\w+-])(?=[\w+-]*\d)(?=[\w+-]*[A-Z])(?=[\w+-]*[a-z])[\w+-]{32,}={0,2}/g;
/** Base64 has slashes too, but no other signs of a path; 32 bytes, as keys have, end with an equals sign. */
const BASE64 =
  /(?<![\w+/])(?:[A-Za-z0-9+/]{40,}={1,2}|(?=[A-Za-z0-9+/]*\d)(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])[A-Za-z0-9+/]{40,}(?![\w+/-]))/g;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
const CERTIFICATE_NAME = /\bDNS:[^\s,"']+/g;
const TAILNET = /\b[\w-]+(?:\.[\w-]+)*\.ts\.net\b/gi;
const USER_HOME = /\/home\/[^/\s"':]+/g;
const NAMED_KEY = /(nodekey|mkey|discokey|sha256-raw|derpkey):?([0-9a-f]{6})[0-9a-f]{10,}/gi;
const LONG_HEX = /(?<![0-9a-f])([0-9a-f]{6})[0-9a-f]{26,}/gi;
const URL_SECRETS = /(\bhttps?:\/\/)(?:[^\s/@"']*@)?([^\s?"']*)(\?[^\s"']*)?/gi;
const IPV4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)/g;
const IPV6 = /(?<![0-9A-Za-z:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![0-9A-Za-z:])/gi;

/** These say nothing of a place on the internet, and a lot about what is wrong. */
const isHarmless = (address: string) => ['unspecified', 'loopback'].includes(addressScope(address));

function shortenIpv4(address: string): string {
  if (!isIPv4(address) || isHarmless(address)) return address;
  const [a, b] = address.split('.');
  return `${a}.${b}.x.x`;
}

function shortenIpv6(address: string): string {
  if (!isIPv6(address) || isHarmless(address)) return address;
  const [a, b] = address.split(':');
  return `${a}:${b}:x::`;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A function that takes out what is telling. */
export function redactor({ host, urls }: Telling): (text: string) => string {
  const names: [RegExp, string][] = [];
  for (const url of urls) {
    names.push([new RegExp(escaped(url), 'gi'), '<admission URL>']);
    // An error may name the host alone.
    if (URL.canParse(url))
      names.push([new RegExp(`(?<![\\w.-])${escaped(new URL(url).hostname)}(?![\\w-])`, 'gi'), '<admission host>']);
  }
  // An address is shortened like any other, which says more than a name that was taken out.
  if (host !== undefined && !isIPv4(host) && !isIPv6(host)) {
    names.push([new RegExp(`(?<![\\w-])${escaped(host)}(?![\\w-])`, 'gi'), '<host>']);
  }
  return (text) => {
    let result = text.replace(PEM, '<$1 taken out>');
    for (const [pattern, stand] of names) result = result.replace(pattern, stand);
    return result
      .replace(URL_SECRETS, (_, scheme, rest, query) => `${scheme}${rest}${query ? '?<taken out>' : ''}`)
      .replace(PRIVATE_KEY, '$1$2<taken out>')
      .replace(CREDENTIALS, '$1 <taken out>')
      .replace(NAMED_SECRET, '$1$2<taken out>')
      .replace(NAMED_KEY, '$1:$2…')
      .replace(FINGERPRINT, (fingerprint) => `${fingerprint.slice(0, 8)}…`)
      .replace(LONG_HEX, '$1…')
      .replace(TOKEN, (token) => `${token.slice(0, 4)}…`)
      .replace(BASE64, (token) => `${token.slice(0, 4)}…`)
      .replace(EMAIL, '<email>')
      .replace(TAILNET, '<tailnet>')
      .replace(CERTIFICATE_NAME, 'DNS:<name>')
      .replace(USER_HOME, '/home/<user>')
      .replace(IPV4, shortenIpv4)
      .replace(IPV6, shortenIpv6);
  };
}
