import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFirstRequest } from '../../../src/relay/front/first-request.ts';

const LINE = 'GET /derp HTTP/1.1\r\n';
const UPGRADE = 'Upgrade: DERP\r\nConnection: Upgrade\r\n';
const read = (text: string) => readFirstRequest(Buffer.from(text, 'latin1'));

describe('a plain upgrade request', () => {
  it('is read as Tailscale’s clients send it, and what follows is left', () => {
    const head =
      `${LINE}Host: derp.example\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\n` +
      'Derp-Fast-Start: 1\r\nIdeal-Node: 900b\r\nUpgrade: DERP\r\n\r\n';
    expect(read(`${head}\x02\0\0\0`)).toEqual({ fastStart: true, idealNode: '900b', end: head.length });
  });

  it('needs nothing but its two headers, in any case', () => {
    const end = LINE.length + UPGRADE.length + 2;
    expect(read(`${LINE}${UPGRADE}\r\n`)).toEqual({ fastStart: false, idealNode: '', end });
    expect(read(`${LINE}${UPGRADE.toLowerCase()}\r\n`)).toEqual({ fastStart: false, idealNode: '', end });
    expect(read(`${LINE}UPGRADE:derp\r\nCONNECTION:  upgrade \r\n\r\n`)).toBeDefined();
  });

  it('is a fast start only when it says 1', () => {
    for (const value of ['0', '', 'true', '11']) {
      expect(read(`${LINE}${UPGRADE}Derp-Fast-Start: ${value}\r\n\r\n`)?.fastStart).toBe(false);
    }
  });

  it('may be as long as 2,048 bytes', () => {
    const head = (length: number) => {
      const start = `${LINE}${UPGRADE}User-Agent: `;
      return `${start}${'x'.repeat(length - start.length - 4)}\r\n\r\n`;
    };
    expect(head(2048)).toHaveLength(2048);
    expect(read(head(2048))?.end).toBe(2048);
    expect(read(head(2049))).toBeUndefined();
  });
});

describe('everything else is handed on', () => {
  it.each([
    ['nothing', ''],
    ['a beginning', 'GET /derp HTT'],
    ['a head without its end', `${LINE}${UPGRADE}`],
    ['a head whose last line end is missing a byte', `${LINE}${UPGRADE}\r`],
    ['no headers at all', `${LINE}\r\n`],
    ['another path', `GET /derp/probe HTTP/1.1\r\n${UPGRADE}\r\n`],
    ['a query', `GET /derp?x HTTP/1.1\r\n${UPGRADE}\r\n`],
    ['another method', `POST /derp HTTP/1.1\r\n${UPGRADE}\r\n`],
    ['HTTP/1.0', `GET /derp HTTP/1.0\r\n${UPGRADE}\r\n`],
    ['bare line feeds', `${LINE}${UPGRADE}\r\n`.replaceAll('\r', '')],
    ['no Upgrade', `${LINE}Connection: Upgrade\r\n\r\n`],
    ['no Connection', `${LINE}Upgrade: DERP\r\n\r\n`],
    ['a WebSocket', `${LINE}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`],
    ['a second, different Upgrade', `${LINE}${UPGRADE}Upgrade: h2c\r\n\r\n`],
    ['Connection with more in it', `${LINE}Upgrade: DERP\r\nConnection: keep-alive, Upgrade\r\n\r\n`],
    ['a second, different Connection', `${LINE}${UPGRADE}Connection: close\r\n\r\n`],
    ['a body by length', `${LINE}${UPGRADE}Content-Length: 5\r\n\r\n`],
    ['a body in chunks', `${LINE}${UPGRADE}Transfer-Encoding: chunked\r\n\r\n`],
    ['an expectation', `${LINE}${UPGRADE}Expect: 100-continue\r\n\r\n`],
    ['any header that is not known', `${LINE}${UPGRADE}X-Forwarded-For: 192.0.2.1\r\n\r\n`],
    ['a folded header', `${LINE}${UPGRADE}User-Agent: a\r\n b: c\r\n\r\n`],
    ['a folded header without a colon', `${LINE}${UPGRADE}User-Agent: a\r\n b\r\n\r\n`],
    ['a line without a colon', `${LINE}${UPGRADE}User-Agent\r\n\r\n`],
    ['a header without a name', `${LINE}${UPGRADE}: x\r\n\r\n`],
    // node:http refuses these, or reads them otherwise.
    ['the same Upgrade twice', `${LINE}${UPGRADE}Upgrade: DERP\r\n\r\n`],
    ['a name of the other node twice', `${LINE}${UPGRADE}Ideal-Node: a\r\nIdeal-Node: b\r\n\r\n`],
    ['a zero byte', `${LINE}${UPGRADE}Host: a\0\r\n\r\n`],
    ['a bare line feed in a value', `${LINE}${UPGRADE}Host: a\nUpgrade: websocket\r\n\r\n`],
    ['a bare carriage return in a value', `${LINE}${UPGRADE}Host: a\rb\r\n\r\n`],
    ['a tab behind Connection', `${LINE}Upgrade: DERP\r\nConnection: Upgrade\t\r\n\r\n`],
    ['a byte that only JavaScript takes for a space', `${LINE}${UPGRADE}Derp-Fast-Start: 1\xa0\r\n\r\n`],
    ['a space before the colon', `${LINE}Upgrade : DERP\r\nConnection: Upgrade\r\n\r\n`],
  ])('%s', (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  it('and no bytes make it throw, or find an end outside of them', () => {
    const piece = fc.oneof(
      fc.constantFrom(LINE, UPGRADE, '\r\n', '\r\n\r\n', 'Upgrade: DERP\r\n', 'Derp-Fast-Start: 1\r\n', ':', '\n'),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constant('x'.repeat(2000)),
    );
    fc.assert(
      fc.property(fc.boolean(), fc.array(piece, { maxLength: 8 }), (starts, pieces) => {
        const bytes = Buffer.from((starts ? LINE : '') + pieces.join(''), 'latin1');
        const request = readFirstRequest(bytes);
        if (request === undefined) return;
        expect(bytes.toString('latin1', request.end - 4, request.end)).toBe('\r\n\r\n');
        expect(request.end).toBeLessThanOrEqual(2048);
        // What is read here must be what node:http would read: a prefix decides, later bytes change nothing.
        expect(readFirstRequest(bytes.subarray(0, request.end))).toEqual(request);
        expect(readFirstRequest(bytes.subarray(0, request.end - 1))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        readFirstRequest(Buffer.from(bytes));
      }),
    );
  });
});
