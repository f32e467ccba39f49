/** The frame decoder under the relay's rules and under a client's. */
import { admitFrame, readPeerPresent } from '../../../src/client/incoming-frames.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { type CarryPool, FrameDecoder } from '../../../src/protocol/frame-decoder.ts';
import { encodeFrame } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';
import { parseServerInfoJson, readServerKey } from '../../../src/protocol/login.ts';
import { checkFrame, checkLoginFrame } from '../../../src/relay/sessions/frame-rules.ts';
import { mutateBytes, words } from '../mutate.ts';
import { hashOf, Random } from '../random.ts';
import { attempt, type FuzzTarget, promise } from '../target.ts';

type Admit = (type: number, length: number, index: number) => 'read' | 'skip';

/** Every buffer out, so that what a decoder holds can be compared with what it was sent. */
class CountingPool implements CarryPool {
  readonly #out = new Set<Buffer>();
  held = 0;

  take(size: number): Buffer {
    const buffer = Buffer.allocUnsafe(size);
    this.#out.add(buffer);
    this.held += size;
    return buffer;
  }

  give(buffer: Buffer): void {
    promise(this.#out.delete(buffer), () => 'a buffer was given back that is not out');
    this.held -= buffer.length;
  }
}

/** What a decoder makes of a stream that comes in these pieces: frames as `type:length:hash`, then the error if any. */
function decode(
  input: Buffer,
  ends: readonly number[],
  admit: Admit,
  onFrame?: (type: number, payload: Buffer) => void,
) {
  const seen: string[] = [];
  const pool = new CountingPool();
  let index = 0;
  const decoder = new FrameDecoder(
    {
      admit: (type, length) => admit(type, length, index++),
      frame: (type, bytes, start, end) => {
        seen.push(`${type}:${end - start}:${hashOf(bytes.subarray(start, end))}`);
        onFrame?.(type, bytes.subarray(start, end));
      },
    },
    pool,
  );
  let start = 0;
  const error = attempt(() => {
    for (const end of ends) {
      decoder.push(input, start, end);
      start = end;
      promise(decoder.pending <= end, () => `${decoder.pending} bytes are pending of ${end}`);
      promise(pool.held <= 2 * end + 2048, () => `${pool.held} bytes are held for ${end} that came`);
    }
  }, ProtocolError);
  if (error !== undefined) seen.push(`error ${error.code}`);
  decoder.release();
  promise(pool.held === 0, () => 'something is held after the release');
  return { seen, ok: error === undefined };
}

/** The same in one piece, in pieces by chance, and sometimes byte for byte: all must come to the same. */
function checkSplits(input: Buffer, admit: Admit, onFrame?: (type: number, payload: Buffer) => void): boolean {
  const whole = decode(input, [input.length], admit, onFrame);
  const random = new Random(hashOf(input));
  const ends: number[] = [];
  // Splits around the headers, and now and then every byte alone.
  const most = random.oneIn(8) ? 1 : 1 + random.length(Math.max(8, input.length));
  for (let end = 0; end < input.length; ) {
    end = Math.min(input.length, end + 1 + random.below(most));
    ends.push(end);
  }
  const split = decode(input, ends, admit);
  promise(
    split.seen.join() === whole.seen.join(),
    () => `in one piece: ${whole.seen.join(' ')}\nsplit at ${ends.join()}: ${split.seen.join(' ')}`,
  );
  return whole.ok;
}

const key = Buffer.alloc(32, 0x21);
const HEADERS = words(
  '\x04\0\0\0\x20',
  '\x04\0\0\0\x21',
  '\x04\0\x01\0\x20',
  '\x04\0\x01\0\x21',
  '\x02\0\x04\0\0',
  '\x12\0\0\0\x08',
  '\x07\0\0\0\x01',
  '\x0a\0\0\0\x40',
  '\x10\0\0\0\0',
  '\x55\0\0\0\x03',
  '\x13\0\0\0\x08',
).map((word) => Buffer.from(word.toString('utf8'), 'latin1'));

const fromClients: readonly Buffer[] = [
  encodeFrame(FrameType.SendPacket, key, Buffer.alloc(40, 1)),
  encodeFrame(FrameType.SendPacket, key),
  encodeFrame(FrameType.Ping, Buffer.alloc(8, 2)),
  encodeFrame(FrameType.Ping, Buffer.alloc(20, 3)),
  encodeFrame(FrameType.Pong, Buffer.alloc(8, 3)),
  encodeFrame(FrameType.NotePreferred, Buffer.of(1)),
  encodeFrame(0x55, Buffer.alloc(5)),
  encodeFrame(FrameType.SendPacket, key, Buffer.alloc(2100, 4)),
];
const login = encodeFrame(FrameType.ClientInfo, Buffer.alloc(120, 5));
const fromRelays: readonly Buffer[] = [
  encodeFrame(FrameType.ServerKey, Buffer.from('44455250f09f9491', 'hex'), key),
  encodeFrame(FrameType.ServerInfo, Buffer.from('{"version":2,"TokenBucketBytesPerSecond":1000}')),
  encodeFrame(FrameType.RecvPacket, key, Buffer.alloc(60, 6)),
  encodeFrame(FrameType.KeepAlive),
  encodeFrame(FrameType.PeerGone, key, Buffer.of(1)),
  encodeFrame(FrameType.PeerPresent, key, Buffer.alloc(19, 7)),
  encodeFrame(FrameType.PeerPresent, key),
  encodeFrame(FrameType.Health, Buffer.from('a problem')),
  encodeFrame(FrameType.Restarting, Buffer.alloc(8)),
  encodeFrame(0x77, Buffer.alloc(9)),
];

function stream(random: Random, frames: readonly Buffer[], first?: Buffer): Buffer {
  const chosen = Array.from({ length: 1 + random.below(5) }, () => random.pick(frames));
  if (first !== undefined && !random.oneIn(10)) chosen.unshift(first);
  return mutateBytes(random, Buffer.concat(chosen), { words: HEADERS, most: 6000 });
}

export const frameTargets: readonly FuzzTarget[] = [
  {
    name: 'frames to the relay',
    share: 16,
    make: (random) => stream(random, fromClients, login),
    check: (input) =>
      checkSplits(input, (type, length, index) => {
        if (index === 0) {
          checkLoginFrame(type, length);
          return 'read';
        }
        return checkFrame(type, length) === 'read' ? 'read' : 'skip';
      }),
  },
  {
    name: 'frames to a client',
    share: 10,
    make: (random) => stream(random, fromRelays),
    check: (input) =>
      checkSplits(input, admitFrame, (type, payload) => {
        if (type === FrameType.ServerKey) attempt(() => readServerKey(payload), ProtocolError);
        if (type === FrameType.ServerInfo) attempt(() => parseServerInfoJson(payload), ProtocolError);
        if (type === FrameType.PeerPresent) readPeerPresent(payload);
      }),
  },
];
