import { Socket } from 'node:net';

/**
 * The one seam to Node's internals: reading accepted sockets into one buffer shared by all.
 *
 * A 'data' event allocates a Buffer for each read and walks the stream machinery, half of the relay's CPU. Node's
 * `onread` option avoids both, but only for sockets that connect. It works by three properties under private symbols
 * and `handle.useUserBuffer`; those are borrowed here from a socket made for the purpose. Where a Node release has
 * changed them `canShareReads` is false and sockets are read by 'data' events, slower but the same otherwise.
 */

/** What is called with the number of bytes read into the shared buffer; false stops reading. */
type ReadCallback = (size: number, buffer: Buffer) => boolean;

interface ReadSymbols {
  buffer: symbol;
  callback: symbol;
  generator: symbol;
}

interface UserBufferHandle {
  useUserBuffer(buffer: Buffer): void;
}

/** One TLS record is at most 16 KB, one read from the system 64 KB: nothing is delivered in larger pieces. */
const SHARED_BUFFER_LENGTH = 64 << 10;

let sharedBuffer: Buffer | undefined;

function findSymbols(): ReadSymbols | undefined {
  const model = new Socket({
    onread: { buffer: Buffer.alloc(1), callback: () => true },
  } as ConstructorParameters<typeof Socket>[0]);
  const named = new Map(Object.getOwnPropertySymbols(model).map((symbol) => [symbol.description, symbol]));
  const [buffer, callback, generator] = [named.get('kBuffer'), named.get('kBufferCb'), named.get('kBufferGen')];
  const fields = model as unknown as Record<symbol, unknown>;
  model.destroy();
  if (buffer === undefined || callback === undefined || generator === undefined) return undefined;
  // The shape is checked, not only the names: a release that changed their meaning must not be trusted.
  if (!Buffer.isBuffer(fields[buffer]) || typeof fields[callback] !== 'function' || fields[generator] !== null) {
    return undefined;
  }
  return { buffer, callback, generator };
}

const symbols = findSymbols();

/** Whether this Node has what shared reading needs. */
export const canShareReads: boolean = symbols !== undefined;

/**
 * Has everything that `socket` reads from now on delivered to `onBytes`, which must be done with the buffer when it
 * returns. End of stream and errors arrive as the socket's events, as ever.
 * @returns false, and leaves the socket as it is, where this Node or this socket cannot do that
 */
export function shareReads(socket: Socket, onBytes: (bytes: Buffer, start: number, end: number) => void): boolean {
  if (symbols === undefined) return false;
  const handle = (socket as unknown as { _handle?: Partial<UserBufferHandle> | null })._handle;
  if (!handle || typeof handle.useUserBuffer !== 'function' || socket.readableLength > 0) return false;
  sharedBuffer ??= Buffer.allocUnsafeSlow(SHARED_BUFFER_LENGTH);
  const fields = socket as unknown as Record<symbol, unknown>;
  const callback: ReadCallback = (size, buffer) => {
    onBytes(buffer, 0, size);
    return true;
  };
  fields[symbols.buffer] = sharedBuffer;
  fields[symbols.callback] = callback;
  fields[symbols.generator] = null;
  handle.useUserBuffer(sharedBuffer);
  return true;
}

/** Bytes of `socket` that the system has not taken yet; 0 where this Node does not tell. */
export function unsentBytes(socket: Socket): number {
  // A TLS socket's own figure only changes when a whole write is done; that of the TCP socket below it moves.
  const tcp = (socket as unknown as { _parent?: Socket | null })._parent ?? socket;
  const handle = (tcp as unknown as { _handle?: { writeQueueSize?: number } | null })._handle;
  return handle?.writeQueueSize ?? 0;
}
