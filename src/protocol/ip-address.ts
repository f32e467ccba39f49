/** IP addresses as text and as bytes, for the messages that carry them in binary form (STUN, PROXY v2). */

/** First 12 bytes of an IPv4 address inside IPv6, `::ffff:0:0/96` (RFC 4291, 2.5.5.2). */
const V4_MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/**
 * Reads an IP address: 4 bytes for IPv4, 16 for IPv6, in network order.
 * A v4-mapped IPv6 address (`::ffff:192.0.2.1`, how a dual-stack socket names an IPv4 peer) becomes the IPv4 one, and a
 * zone (`%eth0`) is left off, since neither means anything to a peer elsewhere.
 * Returns undefined for text that is no address (RFC 4291, 2.2; IPv4 in four decimal parts only).
 */
export function parseIpAddress(text: string): Buffer | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  const zone = text.indexOf('%');
  const bytes = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  return bytes?.subarray(0, 12).equals(V4_MAPPED_PREFIX) ? bytes.subarray(12) : bytes;
}

/**
 * Writes 4 or 16 bytes as text, IPv6 in the form of RFC 5952 (lower case, longest run of zeros as `::`), v4-mapped
 * addresses as plain IPv4.
 * @throws RangeError for any other number of bytes: a mistake of the caller, not of a peer
 */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  if (V4_MAPPED_PREFIX.equals(bytes.subarray(0, 12))) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  const zeros = longestZeroRun(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

function parseIpv4(text: string): Buffer | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = Buffer.alloc(4);
  for (const [i, part] of parts.entries()) {
    // No leading zeros: some readers take them as octal, so such text means different addresses to different programs.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Buffer | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : Buffer.alloc(0);
  if (!head || !tail) return undefined;
  const gap = 16 - head.length - tail.length;
  // "::" stands for at least one group; without it all eight must be there.
  if (halves.length === 2 ? gap < 2 : gap !== 0) return undefined;
  return Buffer.concat([head, Buffer.alloc(gap), tail]);
}

/** Groups of up to four hex digits; the last one may be an IPv4 address if these are the address's last groups. */
function parseGroups(text: string, last: boolean): Buffer | undefined {
  if (text === '') return Buffer.alloc(0);
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (last && i === groups.length - 1 && group.includes('.')) {
      const v4 = parseIpv4(group);
      if (!v4) return undefined;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes.length <= 16 ? Buffer.from(bytes) : undefined;
}

function longestZeroRun(groups: string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== '0') start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  }
  return best;
}
