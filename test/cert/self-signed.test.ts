import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { isPin, pinOf } from '../../src/protocol/certificate-pin.ts';
import { isMetaCertificate } from '../../src/protocol/meta-certificate.ts';

const day = 24 * 3600 * 1000;

describe('makeSelfSignedCertificate', () => {
  it('is for one IP address, a server, about a year, and signed by its own P-256 key', async () => {
    const now = new Date('2026-05-01T00:00:00Z');
    const made = await makeSelfSignedCertificate('203.0.113.9', now);
    const certificate = new X509Certificate(made.certPem);
    expect(certificate.subjectAltName).toBe('IP Address:203.0.113.9');
    expect(certificate.checkIP('203.0.113.9')).toBe('203.0.113.9');
    expect(certificate.checkIP('203.0.113.8')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    // serverAuth
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    // digitalSignature alone, critical (RFC 5280, 4.2.1.3)
    expect(certificate.raw.toString('hex')).toContain('0603551d0f0101ff040403020780');
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(made.keyPem))).toBe(true);
    expect(made.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
    expect([from, to]).toEqual([made.notBefore, made.notAfter]);
    expect([from.getTime() - now.getTime(), to.getTime() - now.getTime()]).toEqual([-day, 365 * day]);
  });

  it.each([
    ['2001:DB8:0::1', 'IP Address:2001:DB8:0:0:0:0:0:1'],
    ['Relay.Example', 'DNS:relay.example'],
    ['localhost', 'DNS:localhost'],
  ])('takes %s', async (host, altName) => {
    expect(new X509Certificate((await makeSelfSignedCertificate(host)).certPem).subjectAltName).toBe(altName);
  });

  it('takes names that are too long for a CommonName, or that would look like a meta certificate', async () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
    for (const host of [long, 'derpkey.example']) {
      const certificate = new X509Certificate((await makeSelfSignedCertificate(host)).certPem);
      expect(certificate.checkHost(host)).toBe(host);
      expect(isMetaCertificate(certificate)).toBe(false);
    }
  });

  it.each([
    '',
    'a b',
    'relay.example.',
    '-relay',
    'ex*mple',
    '1.2.3',
    '256.1.1.1',
    'relay:8443',
    '[::1]',
    'bücher.example',
  ])('refuses %j', async (host) => {
    await expect(makeSelfSignedCertificate(host)).rejects.toThrow(RangeError);
  });

  it('never makes the same certificate twice, nor a serial number below zero', async () => {
    const now = new Date();
    const made = await Promise.all(Array.from({ length: 12 }, () => makeSelfSignedCertificate('::1', now)));
    expect(new Set(made.map(({ pin }) => pin)).size).toBe(12);
    const serials = made.map(({ certPem }) => new X509Certificate(certPem).serialNumber);
    expect(new Set(serials).size).toBe(12);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('serves TLS to a client that trusts just it, and the pin is of what the client sees', async () => {
    const made = await makeSelfSignedCertificate('127.0.0.1');
    const server = createServer({ cert: made.certPem, key: made.keyPem }, (socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, ca: made.certPem });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    expect(isPin(made.pin)).toBe(true);
    expect(pinOf(socket.getPeerCertificate().raw)).toBe(made.pin);
    socket.destroy();
    server.close();
  });
});
