import { createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMetaCertificate, makeMetaCertificate, readMetaCertificate } from '../../src/protocol/meta-certificate.ts';
import { goMetaCertificate, goMetaCertificateKey } from './meta-certificate-fixture.ts';

/** The parts of a certificate's DER that do not change from one to the next, hex; see RFC 5280, 4.1. */
function shape(der: Uint8Array): string {
  const hex = Buffer.from(der).toString('hex');
  return (
    hex
      // UTCTime of both dates, the subject's key, the signature
      .replaceAll(/170d(3\d){12}5a/g, '[date]')
      .replace(/(302a300506032b6570032100)[0-9a-f]{64}/, '$1[key]')
      .replace(/(034100)[0-9a-f]{128}$/, '$1[signature]')
  );
}

describe('makeMetaCertificate', () => {
  it('makes the very bytes that derper makes, but for dates, key and signature', async () => {
    const { der } = await makeMetaCertificate(goMetaCertificateKey);
    expect(shape(der)).toBe(shape(goMetaCertificate));
    expect(shape(der)).toContain('[date][date]');
    expect(shape(der)).toContain('[key]');
    expect(shape(der)).toContain('[signature]');
  });

  it('is valid 30 days before and after', async () => {
    const now = new Date('2026-03-01T12:00:00Z');
    const { pem, der, notAfter } = await makeMetaCertificate(randomBytes(32), now);
    const certificate = new X509Certificate(pem);
    expect(certificate.raw).toEqual(der);
    expect(new Date(certificate.validFrom)).toEqual(new Date('2026-01-30T12:00:00Z'));
    expect(new Date(certificate.validTo)).toEqual(new Date('2026-03-31T12:00:00Z'));
    expect(notAfter).toEqual(new Date('2026-03-31T12:00:00Z'));
  });

  it('is an Ed25519 certificate signed by itself and no authority', async () => {
    const certificate = new X509Certificate((await makeMetaCertificate(goMetaCertificateKey)).pem);
    expect(certificate.subject).toBe(`CN=derpkey${goMetaCertificateKey.toString('hex')}`);
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.serialNumber).toBe('02');
    expect(certificate.ca).toBe(false);
    expect(certificate.publicKey.asymmetricKeyType).toBe('ed25519');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  it('has a key of its own each time', async () => {
    const [one, two] = [
      await makeMetaCertificate(goMetaCertificateKey),
      await makeMetaCertificate(goMetaCertificateKey),
    ];
    const keys = [one, two].map(({ pem }) => createPublicKey(pem).export({ format: 'jwk' }).x);
    expect(keys[0]).not.toBe(keys[1]);
  });

  it('refuses a key of another length', async () => {
    await expect(makeMetaCertificate(randomBytes(31))).rejects.toThrow(RangeError);
  });
});

describe('readMetaCertificate', () => {
  it('reads one made by Go as derper does', () => {
    const expected = { publicKey: goMetaCertificateKey, protocolVersion: 2 };
    expect(readMetaCertificate(goMetaCertificate)).toEqual(expected);
    expect(readMetaCertificate(new X509Certificate(goMetaCertificate))).toEqual(expected);
    expect(isMetaCertificate(new X509Certificate(goMetaCertificate))).toBe(true);
  });

  it('reads back our own, for any key', async () => {
    const key = randomBytes(32);
    const { der } = await makeMetaCertificate(key);
    expect(readMetaCertificate(der)).toEqual({ publicKey: key, protocolVersion: 2 });
  });

  it('is not fooled by other names', () => {
    const name = Buffer.from(`derpkey${goMetaCertificateKey.toString('hex')}`);
    const renamed = (change: (name: Buffer) => void) => {
      const der = Buffer.from(goMetaCertificate);
      for (let at = der.indexOf(name); at >= 0; at = der.indexOf(name)) change(der.subarray(at, at + name.length));
      return der;
    };
    const otherPrefix = renamed((text) => text.write('derpkez'));
    expect(readMetaCertificate(otherPrefix)).toBeUndefined();
    expect(isMetaCertificate(new X509Certificate(otherPrefix))).toBe(false);
    // Marked as one, so a pin must pass over it, but without a usable key.
    const noHex = renamed((text) => text.write('g', 7));
    expect(readMetaCertificate(noHex)).toBeUndefined();
    expect(isMetaCertificate(new X509Certificate(noHex))).toBe(true);
  });

  it('takes versions up to 255, as Tailscale’s clients do', async () => {
    const keys = (await webcrypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    const versioned = async (serialNumber: string) => {
      const name = `CN=derpkey${goMetaCertificateKey.toString('hex')}`;
      const signingAlgorithm = { name: 'Ed25519' };
      const options = { serialNumber, name, keys, signingAlgorithm };
      return new Uint8Array((await X509CertificateGenerator.createSelfSigned(options, webcrypto)).rawData);
    };
    expect(readMetaCertificate(await versioned('00ff'))?.protocolVersion).toBe(255);
    expect(readMetaCertificate(await versioned('0100'))).toBeUndefined();
  });

  it('gives undefined for bytes that are no certificate, and never throws', () => {
    let read = 0;
    fc.assert(
      fc.property(
        fc.nat(goMetaCertificate.length),
        fc.nat(goMetaCertificate.length - 1),
        fc.nat(255),
        (keep, at, value) => {
          const der = Buffer.from(goMetaCertificate.subarray(0, keep < 40 ? keep : goMetaCertificate.length));
          if (at < der.length) der[at] = value;
          const identity = readMetaCertificate(der);
          if (identity) {
            read++;
            expect(identity.publicKey).toHaveLength(32);
            expect(identity.protocolVersion).toBeLessThanOrEqual(255);
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(10);
    expect(readMetaCertificate(Buffer.alloc(0))).toBeUndefined();
  });
});
