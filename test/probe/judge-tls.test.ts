import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate, type SelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { judgeRelayCertificate, judgeTls, judgeTlsFailure } from '../../src/probe/judge-tls.ts';

const now = new Date('2026-06-01T00:00:00Z');
const inDays = (days: number) => new Date(now.getTime() + days * 24 * 3600 * 1000);

it.each([
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'no-tls'],
  ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'no-certificate-for-name'],
  ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'no-certificate-for-name'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'tls-refused'],
  ['ETIMEDOUT', 'tls-timed-out'],
  ['ECONNRESET', 'tls-cut-off'],
  [undefined, 'tls-cut-off'],
])('judgeTlsFailure tells %s as %s', (code, reason) => {
  const finding = judgeTlsFailure(code, 443);
  expect(finding).toMatchObject({ status: 'failed', reason });
  expect(finding.remedy).toBeDefined();
});

it('judgeTls warns of anything older than TLS 1.3', () => {
  expect(judgeTls({ protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' }).status).toBe('ok');
  expect(judgeTls({ protocol: 'TLSv1.2', cipher: 'X' })).toMatchObject({ status: 'warning', reason: 'old-tls' });
});

describe('judgeRelayCertificate', () => {
  let made: SelfSignedCertificate;
  let leaf: X509Certificate;

  beforeAll(async () => {
    made = await makeSelfSignedCertificate('relay.example', now);
    leaf = new X509Certificate(made.certPem);
  });

  function judge(
    { pin, host = 'relay.example' }: { pin?: string; host?: string },
    chainProblem: string | undefined,
    at: Date,
  ) {
    const relay = { publicKey: Buffer.alloc(32), protocolVersion: 2 };
    const session = { leaf, chain: [leaf], chainProblem, relay };
    return judgeRelayCertificate(session, { host, pin, extraCa: undefined }, at);
  }

  it('tells programs what is known of it', () => {
    expect(judge({ pin: made.pin }, 'DEPTH_ZERO_SELF_SIGNED_CERT', now)).toMatchObject({
      status: 'ok',
      data: {
        subject: 'DNS:relay.example',
        issuer: 'CN=relay.example',
        notBefore: '2026-05-31T00:00:00.000Z',
        notAfter: '2027-06-01T00:00:00.000Z',
        daysLeft: 365,
        pin: made.pin,
        trust: 'pin',
        metaCertificate: true,
      },
    });
  });

  it('warns of the end of a pinned certificate a month before, as every client must be told', () => {
    expect(judge({ pin: made.pin }, undefined, inDays(334)).status).toBe('ok');
    expect(judge({ pin: made.pin }, undefined, inDays(336))).toMatchObject({
      status: 'warning',
      reason: 'expires-soon',
      data: { daysLeft: 29 },
    });
    expect(judge({ pin: made.pin }, undefined, inDays(366))).toMatchObject({ status: 'failed', reason: 'expired' });
  });

  it('warns by the share of its life when a certificate should have been renewed', () => {
    expect(judge({}, undefined, inDays(270)).status).toBe('ok');
    expect(judge({}, undefined, inDays(275))).toMatchObject({ status: 'warning', reason: 'expires-soon' });
  });

  it('says how to trust a self-signed one', () => {
    const finding = judge({}, 'DEPTH_ZERO_SELF_SIGNED_CERT', now);
    expect(finding).toMatchObject({ status: 'failed', reason: 'self-signed' });
    expect(finding.remedy).toContain(made.pin);
  });

  it('says which pin it has when another was expected', () => {
    const finding = judge({ pin: `sha256-raw:${'00'.repeat(32)}` }, undefined, now);
    expect(finding).toMatchObject({ status: 'failed', reason: 'pin-mismatch' });
    expect(finding.remedy).toContain(made.pin);
  });

  it.each([
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'name', 'Get a certificate for other.example'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'incomplete-chain', 'fullchain.pem'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted', 'public authority'],
  ])('says how to mend %s', (chainProblem, reason, words) => {
    const finding = judge({ host: 'other.example' }, chainProblem, now);
    expect(finding).toMatchObject({ status: 'failed', reason });
    expect(finding.remedy).toContain(words);
  });
});
