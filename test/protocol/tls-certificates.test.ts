import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, createServer, type SecureVersion, type TlsOptions } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { type MetaCertificate, makeMetaCertificate, readMetaCertificate } from '../../src/protocol/meta-certificate.ts';
import { readTlsCertificates } from '../../src/protocol/tls-certificates.ts';
import { goMetaCertificateKey } from './meta-certificate-fixture.ts';

/** Lets TLS run over a socket while keeping what came in. */
function tapped(socket: Socket, seen: Buffer[]): Duplex {
  socket.on('data', (chunk: Buffer) => {
    seen.push(chunk);
    tap.push(chunk);
  });
  socket.on('end', () => tap.push(null));
  const tap = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => socket.write(chunk, done),
    final: (done) => socket.end(done),
  });
  return tap;
}

/** One handshake with a server: what it sent, and the client's key log. */
async function record(server: TlsOptions, client: { maxVersion?: SecureVersion; ciphers?: string } = {}) {
  const listener = createServer(server, (socket) => socket.on('error', () => {}).end());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const raw = connectTcp((listener.address() as AddressInfo).port, '127.0.0.1');
  const seen: Buffer[] = [];
  const secure = connect({ socket: tapped(raw, seen), rejectUnauthorized: false, ...client });
  let keyLog = '';
  secure.on('keylog', (line) => {
    keyLog += line;
  });
  await once(secure, 'secureConnect');
  const protocol = secure.getProtocol();
  secure.destroy();
  raw.destroy();
  listener.close();
  return { bytes: Buffer.concat(seen), keyLog, protocol };
}

let leaf: SelfSignedCertificate;
let other: SelfSignedCertificate;
let meta: MetaCertificate;
const der = (pem: string) => new X509Certificate(pem).raw;

beforeAll(async () => {
  leaf = await makeSelfSignedCertificate('127.0.0.1');
  other = await makeSelfSignedCertificate('other.example');
  meta = await makeMetaCertificate(goMetaCertificateKey);
});

describe('readTlsCertificates', () => {
  it('shows that Node’s TLS server sends an appended meta certificate, and sends it last', async () => {
    const { bytes, keyLog, protocol } = await record({ cert: leaf.certPem + meta.pem, key: leaf.keyPem });
    expect(protocol).toBe('TLSv1.3');
    const chain = readTlsCertificates(bytes, keyLog);
    expect(chain).toEqual([der(leaf.certPem), meta.der]);
    expect(readMetaCertificate(chain!.at(-1)!)?.publicKey).toEqual(goMetaCertificateKey);
  });

  it.each([['TLS_AES_128_GCM_SHA256'], ['TLS_AES_256_GCM_SHA384'], ['TLS_CHACHA20_POLY1305_SHA256']])(
    'reads any order of unrelated certificates under %s',
    async (ciphers) => {
      const cert = leaf.certPem + meta.pem + other.certPem;
      const { bytes, keyLog } = await record({ cert, key: leaf.keyPem, ciphers }, { ciphers });
      expect(readTlsCertificates(bytes, keyLog)).toEqual([der(leaf.certPem), meta.der, der(other.certPem)]);
    },
  );

  it('reads a chain that takes many records, in TLS 1.3 and 1.2', async () => {
    const cert = leaf.certPem + other.certPem.repeat(100);
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const { bytes, keyLog, protocol } = await record({ cert, key: leaf.keyPem }, { maxVersion });
      expect(protocol).toBe(maxVersion);
      expect(readTlsCertificates(bytes, keyLog)).toHaveLength(101);
    }
  });

  it('reads on after the server asked for another key share', async () => {
    const { bytes, keyLog } = await record({ cert: leaf.certPem, key: leaf.keyPem, ecdhCurve: 'P-384' });
    expect(bytes.toString('hex')).toContain('cf21ad74e59a6111be1d8c021e65b891');
    expect(readTlsCertificates(bytes, keyLog)).toEqual([der(leaf.certPem)]);
  });

  it('waits for the last byte of the message, and needs the right secret', async () => {
    const { bytes, keyLog } = await record({ cert: leaf.certPem + meta.pem, key: leaf.keyPem });
    let whole = 0;
    for (let cut = 0; cut <= bytes.length; cut++) {
      if (readTlsCertificates(bytes.subarray(0, cut), keyLog)) whole++;
      else expect(whole, `after ${cut} bytes`).toBe(0);
    }
    expect(whole).toBeGreaterThan(0);
    expect(readTlsCertificates(bytes, '')).toBeUndefined();
    const stranger = await record({ cert: leaf.certPem, key: leaf.keyPem });
    expect(readTlsCertificates(bytes, stranger.keyLog)).toBeUndefined();
  });

  it('never throws, whatever the bytes', async () => {
    const handshakes = [
      await record({ cert: leaf.certPem + meta.pem, key: leaf.keyPem }),
      await record({ cert: leaf.certPem + meta.pem, key: leaf.keyPem }, { maxVersion: 'TLSv1.2' }),
    ];
    const flips = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 });
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...handshakes), flips, ({ bytes, keyLog }, changes) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) copy[at] = value;
        const chain = readTlsCertificates(copy, keyLog);
        if (chain) read++;
      }),
      { numRuns: 1000 },
    );
    expect(read).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readTlsCertificates(Buffer.from(bytes), '')).toBeUndefined();
      }),
    );
  });
});
