import { describe, expect, it } from 'vitest';
import { DerpClientError, type DerpClientErrorCode, type HttpRefusal } from '../../src/client/errors.ts';
import { explainLoginFailure, judgeLogin } from '../../src/probe/judge-login.ts';

const key = Buffer.alloc(32, 0xab);

describe('judgeLogin', () => {
  it('is content with fast start, and with an upgrade where there is no TLS to show a key in', () => {
    expect(judgeLogin('fast-start', key, 12, 'TLSv1.3')).toMatchObject({
      status: 'ok',
      data: { way: 'fast-start', serverKey: `nodekey:${'ab'.repeat(32)}` },
    });
    expect(judgeLogin('upgrade', key, 12, undefined).status).toBe('ok');
  });

  it('warns of an upgrade over TLS, as something takes the meta certificate away', () => {
    const finding = judgeLogin('upgrade', key, 12, 'TLSv1.3');
    expect(finding).toMatchObject({ status: 'warning', reason: 'tls-ends-before' });
    expect(finding.detail).toMatch(/round trip.*header.*time limits/);
    expect(finding.remedy).toMatch(/ssl_preread.*proxy_read_timeout.*forwardedFrom/);
    // There, TLS may as well end at the relay.
    expect(judgeLogin('upgrade', key, 12, 'TLSv1.2')).toMatchObject({ status: 'warning', reason: 'no-fast-start' });
  });
});

describe('explainLoginFailure', () => {
  const http = (refusal: HttpRefusal) => explainLoginFailure(new DerpClientError('http', 'x', { http: refusal }));

  it.each([
    [200, 'no-upgrade'],
    [400, 'no-upgrade'],
    [426, 'no-upgrade'],
    [301, 'redirected'],
    [308, 'redirected'],
    [401, 'forbidden'],
    [403, 'forbidden'],
    [404, 'no-derp-here'],
    [429, 'overloaded'],
    [503, 'overloaded'],
    [502, 'relay-down'],
    [504, 'relay-down'],
  ])('tells HTTP %i as %s', (status, reason) => {
    const explanation = http({ status });
    expect(explanation.reason).toBe(reason);
    expect(explanation.detail).toContain(`HTTP ${status}`);
    expect(explanation.remedy).not.toBe('');
  });

  it('names the server in front, and where it redirects', () => {
    expect(http({ status: 426, server: 'nginx' }).detail).toBe(
      'something in front (server: nginx) does not pass the upgrade to DERP: HTTP 426 instead of 101',
    );
    expect(http({ status: 302, location: 'https://else.example/' }).detail).toContain('to https://else.example/');
  });

  it.each<[DerpClientErrorCode, 'http' | 'login' | undefined, string]>([
    ['http', 'http', 'no-upgrade'],
    ['refused', 'login', 'not-admitted'],
    ['timeout', 'http', 'upgrade-timed-out'],
    ['timeout', 'login', 'login-timed-out'],
    ['protocol', 'login', 'not-derp'],
    ['closed', 'login', 'connection-lost'],
    ['tcp', undefined, 'connection-lost'],
  ])('tells %s at %s as %s', (code, step, reason) => {
    const explanation = explainLoginFailure(new DerpClientError(code, 'what happened', { step }));
    expect(explanation.reason).toBe(reason);
    expect(explanation.remedy).not.toBe('');
  });
});
