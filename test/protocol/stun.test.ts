import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../src/protocol/errors.ts';
import {
  encodeBindingAnswer,
  encodeBindingRequest,
  parseBindingAnswer,
  readBindingRequest,
  stunTransactionId,
} from '../../src/protocol/stun.ts';

// Made by Tailscale's own net/stun 1.102.3 (Request, Response) for this transaction id.
const id = Buffer.from('0102030405060708090a0b0c', 'hex');
const request = Buffer.from('000100142112a4420102030405060708090a0b0c802200087461696c6e6f646580280004b32c370f', 'hex');
const answerV4 = Buffer.from('0101000c2112a4420102030405060708090a0b0c002000080001f523ea12d54b', 'hex');
const answerV6 = Buffer.from(
  '010100182112a4420102030405060708090a0b0c00200014000283bb0113a9fa0102030405060708090a1938',
  'hex',
);
/** What derper answers an IPv4 client from a dual-stack socket: family 2 with a v4-mapped address. */
const answerMapped = Buffer.from(
  '010100182112a4420102030405060708090a0b0c002000140002f5232112a442010203040506f8f7c20a7a05',
  'hex',
);

/** A message with these attributes: [type, value as hex]. */
function message(type: number, attributes: [number, string][], transactionId = id): Buffer {
  const parts = attributes.map(([attribute, hex]) => {
    const value = Buffer.from(hex, 'hex');
    const head = Buffer.alloc(4);
    head.writeUInt16BE(attribute, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.from('000000002112a442', 'hex');
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, transactionId, body]);
}

/** A copy with this byte changed. */
function flip(bytes: Buffer, index: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[index]! ^= mask;
  return copy;
}

/** A message with more bytes, which its length counts. */
function appended(bytes: Buffer, hex: string): Buffer {
  const longer = Buffer.concat([bytes, Buffer.from(hex, 'hex')]);
  longer.writeUInt16BE(longer.length - 20, 2);
  return longer;
}

/** A message with bytes flipped, cut off or added. */
const mutated = fc
  .record({
    base: fc.constantFrom(request, answerV4, answerV6, answerMapped),
    flips: fc.array(fc.record({ at: fc.nat(43), mask: fc.integer({ min: 1, max: 255 }) }), { maxLength: 3 }),
    keep: fc.nat(44),
    tail: fc.uint8Array({ maxLength: 8 }),
  })
  .map(({ base, flips, keep, tail }) => {
    let bytes: Buffer = Buffer.concat([base.subarray(0, keep), tail]);
    for (const { at, mask } of flips) if (at < bytes.length) bytes = flip(bytes, at, mask);
    return bytes;
  });
const anyDatagram = fc.oneof(
  mutated,
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
);

describe('encodeBindingRequest', () => {
  it('is byte for byte what Tailscale sends', () => {
    expect(encodeBindingRequest(id).toString('hex')).toBe(request.toString('hex'));
  });

  it('refuses a transaction id of another length', () => {
    expect(() => encodeBindingRequest(new Uint8Array(16))).toThrow(RangeError);
  });
});

describe('readBindingRequest', () => {
  it('knows Tailscale’s request', () => {
    expect(readBindingRequest(request)).toEqual({ transactionId: id, fromTailscale: true });
  });

  it('reads other clients’ requests: bare, with other software, with attributes that need not be understood', () => {
    for (const other of [
      message(1, []),
      message(1, [[0x8022, Buffer.from('coturn 4.6').toString('hex')]]),
      message(1, [
        [0xc001, '00'],
        [0x8022, '7461696c6e6f6465'],
      ]),
    ]) {
      expect(readBindingRequest(other)).toEqual({ transactionId: id, fromTailscale: false });
    }
  });

  it('is not misled by software that only begins like Tailscale’s', () => {
    const longer = message(1, [[0x8022, Buffer.from('tailnode2').toString('hex')]]);
    expect(readBindingRequest(longer)?.fromTailscale).toBe(false);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['19 bytes', request.subarray(0, 19)],
    ['DERP or TLS', Buffer.from('16030100a7010000a30303112233445566778899aabb', 'hex')],
    ['another cookie (RFC 3489)', flip(message(1, []), 4)],
    ['a success answer', answerV4],
    ['an indication', message(0x0011, [])],
    ['a length that is too small', flip(request, 3, 4)],
    ['a cut tail', request.subarray(0, 36)],
    ['bytes after the message', Buffer.concat([message(1, []), Buffer.from('80220000', 'hex')])],
    ['an attribute longer than the message', flip(request, 23, 0x40)],
    ['half an attribute header', Buffer.concat([flip(message(1, []), 3, 2), Buffer.alloc(2)])],
    ['a wrong fingerprint', flip(request, 39)],
    ['a fingerprint of a changed message', flip(request, 10)],
    ['a fingerprint of 8 bytes', message(1, [[0x8028, '0011223344556677']])],
    ['CHANGE-REQUEST, which we do not understand', message(1, [[0x0003, '00000006']])],
  ])('gives no answer to %s', (_name, datagram) => {
    expect(readBindingRequest(datagram)).toBeUndefined();
  });

  it('takes a fingerprint only as the last attribute', () => {
    const software: [number, string] = [0x8022, '7461696c6e6f6465'];
    const last = message(1, [software, [0x8028, '00000000']]);
    last.writeUInt32BE((crc32(last.subarray(0, 32)) ^ 0x5354554e) >>> 0, 36);
    expect(last).toEqual(request);
    const misplaced = message(1, [software, [0x8028, '00000000'], [0x8022, '61626364']]);
    // Right for the message as it stands, so only its place is wrong.
    misplaced.writeUInt32BE((crc32(misplaced.subarray(0, 32)) ^ 0x5354554e) >>> 0, 36);
    expect(readBindingRequest(misplaced)).toBeUndefined();
  });

  it('reads back any request of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (bytes) => {
        const read = readBindingRequest(encodeBindingRequest(bytes));
        expect(read).toEqual({ transactionId: Buffer.from(bytes), fromTailscale: true });
      }),
    );
  });

  it('never throws, whatever arrives', () => {
    fc.assert(
      fc.property(anyDatagram, (datagram) => {
        const read = readBindingRequest(datagram);
        if (read) expect(datagram.readUInt32BE(4)).toBe(0x2112a442);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('encodeBindingAnswer', () => {
  it('is byte for byte what Tailscale’s server sends, 32 bytes for IPv4 and 44 for IPv6', () => {
    expect(encodeBindingAnswer(id, '203.0.113.9', 54321).toString('hex')).toBe(answerV4.toString('hex'));
    expect(encodeBindingAnswer(id, '2001:db8::1234', 41641).toString('hex')).toBe(answerV6.toString('hex'));
    expect([answerV4.length, answerV6.length]).toEqual([32, 44]);
  });

  it('answers the sender of a dual-stack socket by its IPv4 address', () => {
    expect(encodeBindingAnswer(id, '::ffff:203.0.113.9', 54321)).toEqual(answerV4);
  });

  it('refuses what is no address', () => {
    expect(() => encodeBindingAnswer(id, 'relay.example', 1)).toThrow(RangeError);
  });
});

describe('parseBindingAnswer', () => {
  it('reads Tailscale’s answers, v4-mapped ones as IPv4', () => {
    expect(parseBindingAnswer(answerV4, id)).toEqual({ address: '203.0.113.9', port: 54321 });
    expect(parseBindingAnswer(answerV6, id)).toEqual({ address: '2001:db8::1234', port: 41641 });
    expect(parseBindingAnswer(answerMapped, id)).toEqual({ address: '203.0.113.9', port: 54321 });
  });

  it('reads the worked examples of RFC 5769, 2.2 and 2.3', () => {
    const rfcId = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');
    const v4 = message(0x0101, [[0x0020, '0001a147e112a643']], rfcId);
    const v6 = message(0x0101, [[0x0020, '0002a1470113a9faa5d3f179bc25f4b5bed2b9d9']], rfcId);
    expect(parseBindingAnswer(v4, rfcId)).toEqual({ address: '192.0.2.1', port: 32853 });
    expect(parseBindingAnswer(v6, rfcId)).toEqual({ address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 });
  });

  it('falls back to MAPPED-ADDRESS, and prefers XOR-MAPPED-ADDRESS in either order', () => {
    const mapped: [number, string] = [0x0001, '000100507f000001'];
    const xored: [number, string] = [0x0020, '0001f523ea12d54b'];
    expect(parseBindingAnswer(message(0x0101, [mapped]), id)).toEqual({ address: '127.0.0.1', port: 80 });
    expect(parseBindingAnswer(message(0x0101, [mapped, xored]), id).address).toBe('203.0.113.9');
    expect(parseBindingAnswer(message(0x0101, [xored, mapped]), id).address).toBe('203.0.113.9');
    expect(parseBindingAnswer(message(0x0101, [[0x8020, xored[1]]]), id).address).toBe('203.0.113.9');
  });

  it('ignores bytes after the message', () => {
    expect(parseBindingAnswer(Buffer.concat([answerV4, Buffer.alloc(3)]), id).port).toBe(54321);
  });

  it.each([
    ['not STUN', Buffer.from('hello, this is not a stun message')],
    ['another transaction', flip(answerV4, 19)],
    ['a request', request],
    ['cut short', answerV4.subarray(0, 30)],
    ['a last attribute that is cut short', appended(answerV4, '80220004')],
    ['half an attribute header at the end', appended(answerV4, '8022')],
    ['no address', message(0x0101, [[0x8022, '61626364']])],
    ['an unknown family', flip(answerV4, 25, 4)],
    ['an IPv6 address of four bytes', message(0x0101, [[0x0020, '00020050e112a643']])],
    ['an address in an error answer', message(0x0111, [[0x0020, '0001a147e112a643']])],
  ])('refuses %s', (_name, datagram) => {
    expect(() => parseBindingAnswer(datagram, id)).toThrow(
      expect.objectContaining({ name: 'ProtocolError', code: 'bad-stun' }),
    );
  });

  it('names the code of an error answer, without control characters', () => {
    const refused = message(0x0111, [[0x0009, `00000414${Buffer.from('Unknown\x1b[31m').toString('hex')}`]]);
    expect(() => parseBindingAnswer(refused, id)).toThrow('the server refused: 420 Unknown?[31m');
  });

  it('reads back any answer of ours', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !text.includes('.')),
    );
    fc.assert(
      fc.property(address, fc.nat(65_535), (text, port) => {
        const transactionId = randomBytes(12);
        const parsed = parseBindingAnswer(encodeBindingAnswer(transactionId, text, port), transactionId);
        expect(parsed.port).toBe(port);
        // Another spelling of the same address gives the same bytes.
        expect(encodeBindingAnswer(transactionId, parsed.address, port)).toEqual(
          encodeBindingAnswer(transactionId, text, port),
        );
      }),
    );
  });

  it('throws nothing but ProtocolError, whatever arrives', () => {
    let parsed = 0;
    fc.assert(
      fc.property(anyDatagram, (datagram) => {
        try {
          parseBindingAnswer(datagram, stunTransactionId(datagram) ?? id);
          parsed++;
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
    // Otherwise the mutations are so rough that nothing behind the header is ever reached.
    expect(parsed).toBeGreaterThan(10);
  });
});
