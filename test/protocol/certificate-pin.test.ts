import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isPin, pinOf } from '../../src/protocol/certificate-pin.ts';
import { goMetaCertificate } from './meta-certificate-fixture.ts';

// `sha256sum` of the fixture's bytes.
const pin = 'sha256-raw:3592377c3a85506ccd7cebd44faf2d51520c7d461a223186b829ace87b9b9c32';

describe('pinOf', () => {
  it('is the same for DER, PEM and a parsed certificate', () => {
    const certificate = new X509Certificate(goMetaCertificate);
    expect(pinOf(goMetaCertificate)).toBe(pin);
    expect(pinOf(certificate)).toBe(pin);
    expect(pinOf(certificate.toString())).toBe(pin);
  });

  it('takes the first certificate of a chain', () => {
    const pem = new X509Certificate(goMetaCertificate).toString();
    expect(pinOf(`${pem}${pem}`)).toBe(pin);
  });
});

describe('isPin', () => {
  it('wants the form that clients compare with: lower case, nothing around it', () => {
    expect(isPin(pin)).toBe(true);
    const digits = pin.slice('sha256-raw:'.length);
    for (const wrong of [
      digits,
      `sha256-raw:${digits.toUpperCase()}`,
      `${pin} `,
      pin.slice(0, -1),
      `SHA256-RAW:${digits}`,
    ]) {
      expect(isPin(wrong), wrong).toBe(false);
    }
  });
});
