/** What a `listen` directive says. Source: nginx.org, ngx_http_core_module and ngx_stream_core_module. */
import { formatIpAddress, parseIpAddress } from '../../protocol/ip-address.ts';
import type { Directive } from './directives.ts';

/** A `listen` on a port, on one address or on all of a family. */
export interface Listen {
  directive: Directive;
  /** An IP address: `0.0.0.0` and `::` are all addresses of the family; a host name as it is written. */
  address: string;
  /** The address is a name, which nginx asks of DNS when it starts. */
  isName: boolean;
  /** First and last port: the same, but for a range. */
  ports: readonly [number, number];
  /** `ssl`, `default_server`, `backlog=511` … */
  options: readonly string[];
}

/** What nginx's http module takes when no port is written. */
const DEFAULT_PORT = 80;

/** An IP address in its one spelling, or undefined. */
function canonical(text: string): string | undefined {
  const bytes = parseIpAddress(text);
  return bytes && formatIpAddress(bytes);
}

function readAddress(text: string): Pick<Listen, 'address' | 'isName'> {
  if (text === '' || text === '*') return { address: '0.0.0.0', isName: false };
  const address = canonical(text.replace(/^\[(.*)\]$/, '$1'));
  return address === undefined ? { address: text, isName: true } : { address, isName: false };
}

/** Reads a directive; undefined for one on a unix socket. */
export function readListen(directive: Directive): Listen | undefined {
  const [place = '', ...options] = directive.args;
  if (place.startsWith('unix:')) return undefined;
  const [, host = '', first, last = first] =
    /^(\[[^\]]*\]|[^:]*?)(?::?(\d+)(?:-(\d+))?)?$/.exec(splitPort(place)) ?? [];
  const from = first === undefined ? DEFAULT_PORT : Number(first);
  const to = last === undefined ? from : Number(last);
  return { directive, ...readAddress(host), ports: [from, to], options };
}

/** With a colon before the port, also where only a port is written; an address without one stays as it is. */
function splitPort(place: string): string {
  if (/^\d+(-\d+)?$/.test(place)) return `:${place}`;
  const isBareAddress = /^\d+\.\d+\.\d+\.\d+$/.test(place) || place.endsWith(']') || !place.includes(':');
  return isBareAddress ? `${place}:${DEFAULT_PORT}` : place;
}

/** Whether it takes the port, in TCP. QUIC is UDP. */
export function takesTcpPort({ ports: [from, to], options }: Listen, port: number): boolean {
  return from <= port && port <= to && !options.includes('quic') && !options.includes('udp');
}

/** As a `listen` directive names it. */
export function placeOf(address: string, port: number): string {
  if (address === '0.0.0.0') return String(port);
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
