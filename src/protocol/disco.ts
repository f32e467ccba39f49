/** Recognises Tailscale's discovery packets, which get a queue of their own. Source: tailscale `disco/disco.go`. */

/** The first six bytes: `TS💬`. */
export const DISCO_MAGIC = Buffer.from('5453f09f92ac', 'hex');
/** Magic, the sender's 32-byte disco key and a 24-byte nonce: nothing shorter is a disco packet. */
export const DISCO_MIN_LENGTH = 6 + 32 + 24;

/** Whether `bytes[start … end)` looks like a disco packet: long enough, and starting with the magic. */
export function looksLikeDisco(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  return (
    bytes[start] === 0x54 &&
    end - start >= DISCO_MIN_LENGTH &&
    bytes[start + 1] === 0x53 &&
    bytes[start + 2] === 0xf0 &&
    bytes[start + 3] === 0x9f &&
    bytes[start + 4] === 0x92 &&
    bytes[start + 5] === 0xac
  );
}
