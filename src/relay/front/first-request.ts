/** What a DERP upgrade request says, whoever read it. */
export interface UpgradeRequest {
  /** Answer nothing and start at once: `Derp-Fast-Start: 1`. */
  readonly fastStart: boolean;
  /** The `Ideal-Node` header, or empty. */
  readonly idealNode: string;
}

/** A DERP upgrade at the start of a connection, and where the bytes behind it begin. */
export interface FirstRequest extends UpgradeRequest {
  readonly end: number;
}

const START = Buffer.from('GET /derp HTTP/1.1\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');
const MAX_PLAIN_HEAD = 2048;

/**
 * Reads the first bytes of a connection when they are plainly a whole DERP upgrade request, as Tailscale's clients send
 * it; undefined for everything else (other paths, WebSockets, bodies, folded or odd headers, a head in pieces), which
 * node:http then reads with all its rules. Node's HTTP server costs five times as much as this for each login.
 */
export function readFirstRequest(bytes: Buffer): FirstRequest | undefined {
  if (bytes.length < START.length || bytes.compare(START, 0, START.length, 0, START.length) !== 0) return undefined;
  const headEnd = bytes.subarray(0, MAX_PLAIN_HEAD).indexOf(HEAD_END, START.length - 2);
  if (headEnd < 0) return undefined;
  let upgrade = false;
  let connection = false;
  let fastStart = false;
  let idealNode = '';
  for (const line of bytes.toString('latin1', START.length, headEnd).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined;
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, colon).toLowerCase()) {
      case 'upgrade':
        if (value.toLowerCase() !== 'derp') return undefined;
        upgrade = true;
        break;
      case 'connection':
        if (value.toLowerCase() !== 'upgrade') return undefined;
        connection = true;
        break;
      case 'derp-fast-start':
        fastStart = value === '1';
        break;
      case 'ideal-node':
        idealNode = value;
        break;
      case 'host':
      case 'user-agent':
        break;
      default:
        // Anything that could change the request's meaning (a body, an expectation, a protocol) is node:http's.
        return undefined;
    }
  }
  return upgrade && connection ? { fastStart, idealNode, end: headEnd + HEAD_END.length } : undefined;
}
