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
const PRIVATE_KEY = /(privkey|tskey)([:-])[\w-]+/gi;
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
      .replace(PRIVATE_KEY, '$1$2<taken out>')
      .replace(NAMED_KEY, '$1:$2…')
      .replace(FINGERPRINT, (fingerprint) => `${fingerprint.slice(0, 8)}…`)
      .replace(LONG_HEX, '$1…')
      .replace(URL_SECRETS, (_, scheme, rest, query) => `${scheme}${rest}${query ? '?<taken out>' : ''}`)
      .replace(IPV4, shortenIpv4)
      .replace(IPV6, shortenIpv6);
  };
}
