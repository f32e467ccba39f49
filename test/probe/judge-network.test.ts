import { describe, expect, it } from 'vitest';
import { judgeAddresses, judgeResolveFailure, judgeTcp } from '../../src/probe/judge-network.ts';

describe('judgeAddresses', () => {
  it.each([
    ['relay.example', ['203.0.113.9', '2001:db8::1'], 'ok', undefined],
    ['192.168.1.1', ['192.168.1.1'], 'ok', undefined],
    ['0.0.0.0', ['0.0.0.0'], 'ok', undefined],
    ['relay.lan', ['192.168.1.1'], 'ok', undefined],
    ['localhost', ['::1', '127.0.0.1'], 'ok', undefined],
    ['relay.example', ['0.0.0.0'], 'failed', 'blocked-name'],
    ['relay.example', ['203.0.113.9', '::'], 'failed', 'blocked-name'],
    ['relay.example', ['198.18.0.42'], 'warning', 'fake-address'],
    ['vps.example', ['127.0.1.1'], 'warning', 'loopback-name'],
  ])('judges %s at %j: %s', (host, addresses, status, reason) => {
    const finding = judgeAddresses(host, addresses);
    expect([finding.status, finding.reason]).toEqual([status, reason]);
    expect(finding.data).toEqual({ addresses });
    expect(finding.remedy !== undefined).toBe(status !== 'ok');
  });
});

it.each([
  ['ENOTFOUND', 'no-such-name'],
  ['ENODATA', 'no-such-name'],
  ['EAI_AGAIN', 'dns-unreachable'],
  [undefined, 'dns-unreachable'],
])('judgeResolveFailure tells %s as %s', (code, reason) => {
  const finding = judgeResolveFailure('relay.example', code);
  expect(finding).toMatchObject({ status: 'failed', reason });
  expect(finding.remedy).toBeDefined();
});

describe('judgeTcp', () => {
  const ok = (address: string) => ({ address, code: undefined });
  const failed = (address: string, code: string) => ({ address, code });

  it('is content when every address answers', () => {
    const finding = judgeTcp([ok('203.0.113.9'), ok('2001:db8::1')], 443);
    expect(finding.status).toBe('ok');
    expect(finding.data).toEqual({
      address: '203.0.113.9',
      port: 443,
      reached: ['203.0.113.9', '2001:db8::1'],
      unreached: [],
    });
  });

  it.each([
    ['ECONNREFUSED', 'connection-refused'],
    ['ETIMEDOUT', 'connection-timed-out'],
    ['ECONNRESET', 'connection-reset'],
    ['EHOSTUNREACH', 'host-unreachable'],
    ['ENETUNREACH', 'no-connection'],
    ['EWHATEVER', 'no-connection'],
  ])('says what it means when the only address fails with %s', (code, reason) => {
    const finding = judgeTcp([failed('203.0.113.9', code)], 8443);
    expect(finding).toMatchObject({
      status: 'failed',
      reason,
      data: { unreached: [{ address: '203.0.113.9', code }] },
    });
    expect(finding.remedy).toBeDefined();
  });

  it('tells a firewall from a missing relay in words', () => {
    expect(judgeTcp([failed('203.0.113.9', 'ETIMEDOUT')], 443).remedy).toContain('security group');
    expect(judgeTcp([failed('203.0.113.9', 'ECONNREFUSED')], 443).remedy).toContain('the relay runs');
  });

  it('warns when one of several addresses does not answer, naming it', () => {
    const finding = judgeTcp([ok('203.0.113.9'), failed('2001:db8::1', 'ETIMEDOUT')], 443);
    expect(finding).toMatchObject({
      status: 'warning',
      reason: 'connection-timed-out',
      data: { address: '203.0.113.9' },
    });
    expect(finding.detail).toMatch(/^2001:db8::1: /);
  });

  it('does not blame the relay for an address family that this machine lacks', () => {
    const finding = judgeTcp([failed('2001:db8::1', 'ENETUNREACH'), ok('203.0.113.9')], 443);
    expect(finding.status).toBe('ok');
    expect(finding.detail).toContain('no route to 2001:db8::1');
  });

  it('names the more telling failure when all fail', () => {
    const attempts = [failed('2001:db8::1', 'ENETUNREACH'), failed('203.0.113.9', 'ECONNREFUSED')];
    expect(judgeTcp(attempts, 443).reason).toBe('connection-refused');
  });
});
