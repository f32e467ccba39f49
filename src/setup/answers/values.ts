/** From text, as flags, environment and files give it, to values: pure functions, one for each kind of value. */
import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';
import type { Verification } from '../../deploy/verification.ts';
import {
  lintNodeName,
  lintRegionCode,
  lintRegionId,
  lintRegionName,
  MAX_REGION_ID,
  type RegionFinding,
} from '../../derp-map/lint.ts';
import { isPin } from '../../protocol/certificate-pin.ts';
import { formatIpAddress, parseIpAddress } from '../../protocol/ip-address.ts';
import type { HomePage } from '../../relay/config.ts';
import { addressScope } from '../../system/network.ts';
import { accept, type Parsed, refuse } from './problems.ts';

/** What a port of -1 means: nothing listens. */
export const OFF = -1;

/** Takes off what shells and compose files leave around a value: white space, and one pair of quotes. */
export function unquote(text: string): string {
  const trimmed = text.trim();
  const quoted = /^(["'])(.*)\1$/.exec(trimmed);
  return quoted ? quoted[2]!.trim() : trimmed;
}

/** A TCP or UDP port; `8443`, `:8443` and `":8443"` are the same. `-1` switches off what may be switched off. */
export function parsePort(text: string, { offAllowed = false } = {}): Parsed<number> {
  const plain = unquote(text);
  if (offAllowed && plain === String(OFF)) return accept(OFF);
  const port = /^:?(\d{1,5})$/.exec(plain)?.[1];
  const value = Number(port);
  if (port === undefined || value < 1 || value > 65_535) return refuse({ code: 'not-a-port', offAllowed });
  return accept(value);
}

/** An IP address, brackets allowed, in its one canonical spelling; undefined for any other text. */
function ipAddress(text: string): string | undefined {
  // A zone (`%eth0`) means something on this machine only.
  const bytes = text.includes('%') ? undefined : parseIpAddress(text.replace(/^\[(.*)\]$/, '$1'));
  return bytes && formatIpAddress(bytes);
}

/** A DNS name in the form that goes over the wire, or undefined. */
function hostName(text: string): string | undefined {
  // The conversion reads percent signs and drops line ends, as browsers do; a name that is typed has neither.
  if (/[\s%\p{C}]/u.test(text)) return undefined;
  const ascii = domainToASCII(text.replace(/\.$/, '')).toLowerCase();
  const labels = ascii.split('.');
  const fine = labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  // A last label of digits is how a mistyped IPv4 address looks; DNS has no such domain.
  return fine && ascii.length <= 253 && !/^\d+$/.test(labels.at(-1)!) ? ascii : undefined;
}

function hostHint(text: string): 'plain' | 'url' | 'port' {
  if (/^[a-z]+:\/\//i.test(text)) return 'url';
  return /^(\[[^\]]*\]|[^:]+):\d+$/.test(text) ? 'port' : 'plain';
}

/** The name or address that clients dial. IPv6 with or without brackets; the value is without. */
export function parseHost(text: string): Parsed<string> {
  const plain = unquote(text);
  const address = ipAddress(plain);
  if (address !== undefined) {
    const usable = !['unspecified', 'link-local'].includes(addressScope(address));
    return usable ? accept(address) : refuse({ code: 'unusable-host' });
  }
  const name = hostName(plain);
  return name === undefined ? refuse({ code: 'not-a-host', hint: hostHint(plain) }) : accept(name);
}

/** One of a few words. */
export function parseChoice<T extends string>(text: string, choices: readonly T[]): Parsed<T> {
  const plain = unquote(text);
  const found = choices.find((choice) => choice === plain);
  return found === undefined ? refuse({ code: 'not-one-of', choices }) : accept(found);
}

/** A file's path; only emptiness can be wrong before somebody looks. */
export function parsePath(text: string): Parsed<string> {
  return text.trim() === '' ? refuse({ code: 'missing-value' }) : accept(text);
}

/** `tailscaled`, `tailscaled:SOCKET`, `url:https://…`, `keys:FILE` or `none`: who may use the relay. */
export function parseVerification(text: string): Parsed<Verification> {
  const plain = unquote(text);
  const [, kind, rest] = /^([a-z]+)(?::(.*))?$/s.exec(plain) ?? [];
  const value = rest?.trim() ?? '';
  if (kind === 'tailscaled' && rest === undefined) return accept({ kind });
  if (kind === 'tailscaled' && value !== '') return accept({ kind, socket: resolve(value) });
  if (kind === 'none' && rest === undefined) return accept({ kind });
  if (kind === 'keys' && value !== '') return accept({ kind, file: resolve(value) });
  if (kind === 'url' && value !== '') {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    // Plain HTTP only where nobody can listen in: the answer decides who gets in.
    const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
    return safe ? accept({ kind, url: value }) : refuse({ code: 'not-an-admission-url' });
  }
  return refuse({ code: 'not-one-of', choices: ['tailscaled', 'url:https://…', 'keys:FILE', 'none'] });
}

/** Whether a URL's host is this machine itself. */
function isLoopbackHost(hostname: string): boolean {
  const address = ipAddress(hostname);
  return hostname === 'localhost' || (address !== undefined && addressScope(address) === 'loopback');
}

/** Turns the first finding that is an error into a refusal. */
function linted<T>(value: T, findings: readonly RegionFinding[]): Parsed<T> {
  const rule = findings.find(({ level }) => level === 'error')?.rule;
  switch (rule) {
    case undefined:
      return accept(value);
    case 'out-of-range':
      return refuse({ code: rule, first: 1, last: MAX_REGION_ID });
    case 'bad-code':
    case 'bad-name':
    case 'bad-node-name':
      return refuse({ code: rule });
    default:
      return accept(value);
  }
}

/** A region's number. */
export function parseRegionId(text: string): Parsed<number> {
  const plain = unquote(text);
  return /^-?\d+$/.test(plain) ? linted(Number(plain), lintRegionId(Number(plain))) : refuse({ code: 'not-a-number' });
}

/** A region's code. */
export function parseRegionCode(text: string): Parsed<string> {
  return linted(text.trim(), lintRegionCode(text.trim()));
}

/** A region's name. */
export function parseRegionName(text: string): Parsed<string> {
  return linted(text.trim(), lintRegionName(text.trim()));
}

/** A node's name. */
export function parseNodeName(text: string): Parsed<string> {
  return linted(text.trim(), lintNodeName(text.trim()));
}

/** An address of one family for the derpMap, or `none`, which keeps clients off that family. */
export function parseFamilyAddress(text: string, family: 4 | 6): Parsed<string> {
  const plain = unquote(text);
  if (plain.toLowerCase() === 'none') return accept('none');
  const address = ipAddress(plain);
  const fits = address !== undefined && address.includes(':') === (family === 6);
  return fits ? accept(address) : refuse({ code: 'not-an-address', family });
}

/** What the relay shows at `/`: `default`, `blank`, or a URL to redirect to. */
export function parseHome(text: string): Parsed<HomePage> {
  const plain = unquote(text);
  if (plain === '' || plain === 'default') return accept('default');
  if (plain === 'blank') return accept('blank');
  return /^https?:\/\/\S+$/.test(plain) && URL.canParse(plain)
    ? accept({ redirect: plain })
    : refuse({ code: 'not-a-home' });
}

/** A part of an image's path, a tag and a digest. Source: the reference grammar of github.com/distribution/reference. */
const IMAGE_PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const IMAGE = new RegExp(
  `^(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?${IMAGE_PART}(?:/${IMAGE_PART})*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/** The name of a container's image. */
export function parseImage(text: string): Parsed<string> {
  const image = unquote(text);
  return image.length <= 255 && IMAGE.test(image) ? accept(image) : refuse({ code: 'not-an-image' });
}

/** A whole number between two others. */
export function parseCount(text: string, first: number, last: number): Parsed<number> {
  const plain = unquote(text);
  const value = Number(plain);
  return /^\d{1,9}$/.test(plain) && value >= first && value <= last
    ? accept(value)
    : refuse({ code: 'not-a-count', first, last });
}

/** A certificate's pin as it stands in the derpMap's CertName. */
export function parsePin(text: string): Parsed<string> {
  const pin = unquote(text).toLowerCase();
  return isPin(pin) ? accept(pin) : refuse({ code: 'not-a-pin' });
}
