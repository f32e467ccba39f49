/** The texts of our own files in nginx's configuration. */
import { isIP, isIPv6 } from 'node:net';
import { parseIpAddress } from '../../protocol/ip-address.ts';
import { fillTemplate } from '../template.ts';
import type { Door } from './doors.ts';
import { placeOf } from './listen.ts';

/** The templates that they are rendered from. */
export interface NginxTemplates {
  'nginx-stream.conf': string;
  'nginx-stream-server.conf': string;
  'nginx-sites.conf': string;
}

/** What is shared, and where it leads. */
export interface SharedPort {
  host: string;
  port: number;
  relayPort: number;
  sitesPort: number;
}

/** nginx computes the size of its tables for short names. */
const LONGEST_SHORT_NAME = 40;

/** The name by which an authority asks for an address (RFC 8738, 6). */
export function reverseName(address: string): string {
  const bytes = parseIpAddress(address) ?? Buffer.alloc(0);
  const labels = isIPv6(address) ? [...bytes.toString('hex')] : [...bytes].map(String);
  return `${labels.reverse().join('.')}.${isIPv6(address) ? 'ip6' : 'in-addr'}.arpa`;
}

/**
 * The names by which a connection is known to be the relay's. Clients of a bare address send none; some send the address
 * itself, which is no name; an authority that checks it by tls-alpn-01 sends the reverse one.
 */
export function relayNames(host: string): string[] {
  return isIP(host) === 0 ? [host] : ['""', host, reverseName(host)];
}

const indent = (text: string, by: string) => text.replace(/^(?=.)/gm, by);

function serverText(templates: NginxTemplates, shared: SharedPort, door: Door, at: number): string {
  const { host, port, relayPort, sitesPort } = shared;
  const options = door.options.some((word) => word.startsWith('so_keepalive='))
    ? door.options
    : [...door.options, 'so_keepalive=on'];
  const quoted = (name: string) => (name.includes(':') ? `"${name}"` : name);
  return fillTemplate(templates['nginx-stream-server.conf'], {
    variable: `derp_setup_${at}`,
    names: relayNames(host)
      .map((name) => `    ${quoted(name)} 127.0.0.1:${relayPort};`)
      .join('\n'),
    sites: `${door.inner}:${sitesPort}`,
    listens: `    listen ${[placeOf(door.address, port), ...options].join(' ')};`,
  });
}

/** The file with the stream servers; in a block of its own, or to be included in one that is there. */
export function streamFile(
  templates: NginxTemplates,
  shared: SharedPort,
  doors: readonly Door[],
  { inOwnBlock }: { inOwnBlock: boolean },
): string {
  const servers = doors.map((door, at) => serverText(templates, shared, door, at + 1)).join('\n');
  const isLong = relayNames(shared.host).some((name) => name.length > LONGEST_SHORT_NAME);
  const sized = isLong && inOwnBlock ? `map_hash_bucket_size 512;\n\n${servers}` : servers;
  return fillTemplate(templates['nginx-stream.conf'], {
    host: shared.host,
    port: String(shared.port),
    servers: inOwnBlock ? `stream {\n${indent(sized, '    ').trimEnd()}\n}` : sized.trimEnd(),
  });
}

/** The file that the moved sites include. `namesRedirects`: a site says itself which port its redirects name. */
export function sitesFile(templates: NginxTemplates, { namesRedirects }: { namesRedirects: boolean }): string {
  const redirects = '# Redirects must not name the port that is only used inside.\nport_in_redirect off;';
  return `${fillTemplate(templates['nginx-sites.conf'], { redirects: namesRedirects ? '' : redirects }).trimEnd()}\n`;
}
