import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ClientHello, readClientHello } from '../../src/protocol/client-hello.ts';

/** The first flight of Node's own TLS client. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

/** The same handshake bytes in records of at most `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const NAME = 'derp.example';
let full: Buffer;
beforeAll(async () => {
  full = await helloOf({ servername: NAME, ALPNProtocols: ['acme-tls/1'] });
});

const expected: ClientHello = { status: 'done', serverName: NAME, protocols: ['acme-tls/1'] };

describe('a ClientHello', () => {
  it.each<[string, ConnectionOptions, Partial<ClientHello>]>([
    ['with a name and one protocol', { servername: NAME, ALPNProtocols: ['acme-tls/1'] }, expected],
    [
      'with several protocols, in their order',
      { servername: NAME, ALPNProtocols: ['acme-tls/1', 'http/1.1', 'h2'] },
      { status: 'done', serverName: NAME, protocols: ['acme-tls/1', 'http/1.1', 'h2'] },
    ],
    ['with neither', {}, { status: 'done', protocols: [] }],
    [
      'of TLS 1.2',
      { servername: NAME, ALPNProtocols: ['http/1.1'], maxVersion: 'TLSv1.2' },
      { status: 'done', serverName: NAME, protocols: ['http/1.1'] },
    ],
    [
      'for an address in its arpa form',
      { servername: '7.113.0.203.in-addr.arpa', ALPNProtocols: ['acme-tls/1'] },
      { status: 'done', serverName: '7.113.0.203.in-addr.arpa', protocols: ['acme-tls/1'] },
    ],
  ])('%s is read', async (_, options, hello) => {
    expect(readClientHello(await helloOf(options))).toEqual(hello);
  });

  it('is waited for to its last byte, and what comes behind it does not matter', () => {
    for (let length = 0; length < full.length; length++) {
      expect(readClientHello(full.subarray(0, length))).toEqual({ status: 'incomplete' });
    }
    expect(readClientHello(Buffer.concat([full, Buffer.from('anything')]))).toEqual(expected);
  });

  it('may come in many records', () => {
    for (const size of [1, 3, 100]) {
      const records = inRecords(full, size);
      expect(readClientHello(records)).toEqual(expected);
      expect(readClientHello(records.subarray(0, -1))).toEqual({ status: 'incomplete' });
    }
  });

  it('without extensions, as from before TLS 1.2, offers nothing', () => {
    // Version, random, no session id, one suite, no compression.
    const body = Buffer.concat([Buffer.from('0301', 'hex'), Buffer.alloc(32), Buffer.from('000002002f0100', 'hex')]);
    const message = Buffer.concat([Buffer.from([1, 0, 0, body.length]), body]);
    const record = Buffer.concat([Buffer.from([22, 3, 1, 0, message.length]), message]);
    expect(readClientHello(record)).toEqual({ status: 'done', protocols: [] });
  });
});

describe('anything else', () => {
  it.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['another record', Buffer.from('1703030005', 'hex')],
    ['another major version', Buffer.from('1602', 'hex')],
    ['another message', Buffer.from('160301000402000000', 'hex')],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['a body of nothing', Buffer.from('160301000401000000', 'hex')],
  ])('is none: %s', (_, bytes) => {
    expect(readClientHello(bytes)).toEqual({ status: 'none' });
  });

  it('is none when a record of another kind interrupts it', () => {
    const half = inRecords(full, 100).subarray(0, 105);
    expect(readClientHello(half)).toEqual({ status: 'incomplete' });
    expect(readClientHello(Buffer.concat([half, Buffer.from('1503030002', 'hex')]))).toEqual({ status: 'none' });
  });

  it('is given up after 16 KB', () => {
    const endless = Buffer.alloc(1 << 15, inRecords(Buffer.concat([full.subarray(0, 5), Buffer.alloc(1, 1)]), 1));
    endless.set([22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 1, 255], 0);
    expect(readClientHello(endless.subarray(0, (1 << 14) - 1))).toEqual({ status: 'incomplete' });
    expect(readClientHello(endless.subarray(0, 1 << 14))).toEqual({ status: 'none' });
    expect(readClientHello(endless)).toEqual({ status: 'none' });
  });

  it('never throws, and never waits for what has come already', () => {
    fc.assert(
      fc.property(fc.nat({ max: full.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const changed = Buffer.from(full);
        changed[at] = value;
        const read = readClientHello(changed);
        if (read.status === 'done') expect(Array.isArray(read.protocols)).toBe(true);
        expect(['done', 'none', 'incomplete']).toContain(read.status);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const body = Buffer.concat([Buffer.from('0303', 'hex'), Buffer.alloc(32), Buffer.from(bytes)]);
        const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
        expect(readClientHello(inRecords(Buffer.concat([Buffer.alloc(5), message]), 500)).status).not.toBe(
          'incomplete',
        );
      }),
      { numRuns: 2000 },
    );
  });
});
