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
/** What Tailscale's clients send, and nothing that has a meaning of its own to HTTP. */
const PLAIN_HEADERS = new Set(['host', 'user-agent', 'upgrade', 'connection', 'derp-fast-start', 'ideal-node']);
const ODD_BYTES = /[^ -~]/;

/**
 * Reads the first bytes of a connection when they are plainly a whole DERP upgrade request, as Tailscale's clients send
 * it; undefined for everything else (other paths, WebSockets, bodies, folded or odd headers, a head in pieces), which
 * node:http then reads with all its rules. Node's HTTP server costs five times as much as this for each login.
 */
export function readFirstRequest(bytes: Buffer): FirstRequest | undefined {
  if (bytes.length < START.length || bytes.compare(START, 0, START.length, 0, START.length) !== 0) return undefined;
  const headEnd = bytes.subarray(0, MAX_PLAIN_HEAD).indexOf(HEAD_END, START.length - 2);
  if (headEnd < 0) return undefined;
  const given = new Map<string, string>();
  for (const line of bytes.toString('latin1', START.length, headEnd).split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // Anything that could change the request's meaning (a body, an expectation, a protocol, a header that comes twice or
    // holds odd bytes) is node:http's: what this reads otherwise than a proxy in front, somebody could hide behind it.
    if (!PLAIN_HEADERS.has(name) || given.has(name) || ODD_BYTES.test(line)) return undefined;
    given.set(name, line.slice(colon + 1).trim());
  }
  if (given.get('upgrade')?.toLowerCase() !== 'derp') return undefined;
  if (given.get('connection')?.toLowerCase() !== 'upgrade') return undefined;
  return {
    fastStart: given.get('derp-fast-start') === '1',
    idealNode: given.get('ideal-node') ?? '',
    end: headEnd + HEAD_END.length,
  };
}
