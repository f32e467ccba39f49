import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { judgeCertificate, type Presented } from '../../src/client/trust.ts';
import { goMetaCertificate } from '../protocol/meta-certificate-fixture.ts';

const now = new Date('2026-06-01T00:00:00Z');
const later = (days: number) => new Date(now.getTime() + days * 24 * 3600 * 1000);
const meta = new X509Certificate(goMetaCertificate);

let byIp: SelfSignedCertificate;
let byName: SelfSignedCertificate;

beforeAll(async () => {
  byIp = await makeSelfSignedCertificate('203.0.113.9', now);
  byName = await makeSelfSignedCertificate('relay.example', now);
});

function presented(made: SelfSignedCertificate, more: Partial<Presented> = {}): Presented {
  const leaf = new X509Certificate(made.certPem);
  return { leaf, chain: [leaf, meta], chainProblem: 'DEPTH_ZERO_SELF_SIGNED_CERT', ...more };
}

describe('judgeCertificate by pin', () => {
  const judge = (made: SelfSignedCertificate, host: string, more: Partial<Presented> = {}, at = now) =>
    judgeCertificate(presented(made, more), host, { kind: 'pin', pin: made.pin }, at)?.problem;

  it('takes the pinned certificate, with the meta certificate or without, or with an unseen chain', () => {
    expect(judge(byIp, '203.0.113.9')).toBeUndefined();
    expect(judge(byIp, '203.0.113.9', { chain: [new X509Certificate(byIp.certPem)] })).toBeUndefined();
    expect(judge(byIp, '203.0.113.9', { chain: undefined })).toBeUndefined();
    expect(judge(byName, 'relay.example')).toBeUndefined();
  });

  it('compares a name, but not an IP address, for which no server name is sent', () => {
    expect(judge(byName, 'other.example')).toBe('name');
    expect(judge(byIp, 'relay.example')).toBe('name');
    expect(judge(byIp, '198.51.100.1')).toBeUndefined();
  });

  it('refuses another certificate, and says which pin it has', () => {
    const trust = { kind: 'pin', pin: byName.pin } as const;
    const verdict = judgeCertificate(presented(byIp), '203.0.113.9', trust, now);
    expect(verdict?.problem).toBe('pin-mismatch');
    expect(verdict?.message).toContain(byIp.pin);
  });

  it('refuses a second certificate that is no meta certificate', () => {
    const chain = [new X509Certificate(byIp.certPem), new X509Certificate(byName.certPem), meta];
    expect(judge(byIp, '203.0.113.9', { chain })).toBe('several-certificates');
  });

  it('holds to the dates', () => {
    expect(judge(byIp, '203.0.113.9', {}, later(364))).toBeUndefined();
    expect(judge(byIp, '203.0.113.9', {}, later(366))).toBe('expired');
    expect(judge(byIp, '203.0.113.9', {}, later(-0.5))).toBeUndefined();
    expect(judge(byIp, '203.0.113.9', {}, later(-2))).toBe('not-yet-valid');
  });
});

describe('judgeCertificate by authorities', () => {
  const judge = (made: SelfSignedCertificate, more: Partial<Presented>, at = now) =>
    judgeCertificate(presented(made, more), 'relay.example', { kind: 'ca' }, at)?.problem;

  it('takes what OpenSSL and Node took', () => {
    expect(judge(byName, { chainProblem: undefined })).toBeUndefined();
  });

  it('wants the name in the SAN, as Go does, where OpenSSL takes a CommonName', () => {
    const withoutSan = { chainProblem: undefined, leaf: meta, chain: [meta] };
    expect(meta.subjectAltName).toBeUndefined();
    expect(judge(byName, withoutSan, new Date('2026-01-02'))).toBe('name');
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'name'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'incomplete-chain'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
    ['CERT_REVOKED', 'untrusted'],
  ])('says what %s means', (chainProblem, problem) => {
    expect(judge(byName, { chainProblem })).toBe(problem);
  });

  it('does not blame a missing certificate where a chain was sent', () => {
    const chain = [new X509Certificate(byName.certPem), new X509Certificate(byIp.certPem), meta];
    expect(judge(byName, { chainProblem: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', chain })).toBe('untrusted');
  });

  it('speaks of the dates first, as nothing else matters then', () => {
    expect(judge(byName, { chainProblem: 'CERT_HAS_EXPIRED' }, later(400))).toBe('expired');
    expect(judge(byName, { chainProblem: 'CERT_NOT_YET_VALID' }, later(-9))).toBe('not-yet-valid');
  });
});

it('judgeCertificate takes anything where nothing is to be trusted', () => {
  expect(judgeCertificate(presented(byIp), 'any.example', { kind: 'none' }, later(999))).toBeUndefined();
});
