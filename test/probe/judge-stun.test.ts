import { describe, expect, it } from 'vitest';
import type { StunErrorCode } from '../../src/client/stun-client.ts';
import { judgeStun, judgeStunAnswer } from '../../src/probe/judge-stun.ts';

const at = (address: string, port = 40_000) => ({ address, port });

describe('judgeStunAnswer', () => {
  it.each<[string, string, string, string, string, string | undefined]>([
    ['a public client sees itself', '198.51.100.7', '198.51.100.7', '203.0.113.9', 'ok', undefined],
    ['a client behind its own NAT', '198.51.100.7', '192.168.1.5', '203.0.113.9', 'ok', undefined],
    ['a container’s bridge hides clients', '172.17.0.1', '192.168.1.5', '203.0.113.9', 'failed', 'nat-in-the-way'],
    ['a provider’s NAT hides clients', '100.64.0.9', '192.168.1.5', '203.0.113.9', 'failed', 'nat-in-the-way'],
    [
      'masqueraded, or the provider’s NAT of its own',
      '203.0.113.9',
      '10.0.0.5',
      '203.0.113.9',
      'warning',
      'own-address',
    ],
    ['a proxy on the host', '127.0.0.1', '192.168.1.5', '192.168.1.9', 'failed', 'nat-in-the-way'],
    ['loopback', '127.0.0.1', '127.0.0.1', '127.0.0.1', 'ok', undefined],
    ['the machine asks its own public address', '203.0.113.9', '203.0.113.9', '203.0.113.9', 'ok', undefined],
    ['inside the cloud, without NAT on the way', '10.0.0.5', '10.0.0.5', '203.0.113.9', 'ok', undefined],
    ['a private network', '192.168.1.5', '192.168.1.5', '192.168.1.9', 'ok', undefined],
    ['NAT between two private networks', '10.1.1.1', '192.168.1.5', '10.2.0.1', 'ok', undefined],
    ['from inside to a name outside', '198.51.100.7', '10.0.0.5', '10.0.0.9', 'ok', undefined],
    ['no address at all', '0.0.0.0', '192.168.1.5', '203.0.113.9', 'failed', 'implausible-answer'],
    ['IPv6', '2001:db8::5', '2001:db8::5', '2001:db8::1', 'ok', undefined],
    ['IPv6 with NAT', 'fd00::1', '2001:db8::5', '2001:db8::1', 'failed', 'nat-in-the-way'],
  ])('%s: mapped %s, local %s, server %s: %s', (_name, mapped, local, server, status, reason) => {
    const verdict = judgeStunAnswer({ mapped: at(mapped), local: at(local) }, server);
    expect([verdict.status, verdict.reason]).toEqual([status, reason]);
    expect(verdict.detail).toContain(mapped);
    expect(verdict.remedy !== undefined).toBe(status !== 'ok');
  });

  it('takes port 0 for what it is', () => {
    const answer = { mapped: at('198.51.100.7', 0), local: at('198.51.100.7') };
    expect(judgeStunAnswer(answer, '203.0.113.9').reason).toBe('implausible-answer');
  });
});

describe('judgeStun', () => {
  const answered = (server: string, mapped: string) => ({
    server,
    result: { mapped: at(mapped), local: at(mapped), rttMs: 12, tries: 1 },
  });
  const silent = (server: string, result: StunErrorCode) => ({ server, result });

  it('tells every answer', () => {
    const outcomes = [answered('203.0.113.9', '198.51.100.7'), answered('2001:db8::1', '2001:db8::5')];
    const finding = judgeStun(outcomes, 3478);
    expect(finding.status).toBe('ok');
    expect(finding.data?.answers).toEqual([
      { server: '203.0.113.9', mapped: '198.51.100.7', port: 40_000, rttMs: 12 },
      { server: '2001:db8::1', mapped: '2001:db8::5', port: 40_000, rttMs: 12 },
    ]);
  });

  it.each<[StunErrorCode, string]>([
    ['timeout', 'stun-timed-out'],
    ['refused', 'stun-refused'],
    ['bad-answer', 'stun-bad-answer'],
    ['unreachable', 'stun-unreachable'],
  ])('fails when the only address ends in %s', (code, reason) => {
    const finding = judgeStun([silent('203.0.113.9', code)], 3478);
    expect(finding).toMatchObject({ status: 'failed', reason, data: { answers: [] } });
    expect(finding.remedy).toBeDefined();
  });

  it('warns when one of two addresses is silent, naming it', () => {
    const finding = judgeStun([answered('203.0.113.9', '198.51.100.7'), silent('2001:db8::1', 'timeout')], 3478);
    expect(finding).toMatchObject({ status: 'warning', reason: 'stun-timed-out' });
    expect(finding.detail).toMatch(/^2001:db8::1: /);
  });

  it('does not blame the relay for an address family that this machine lacks', () => {
    const finding = judgeStun([answered('203.0.113.9', '198.51.100.7'), silent('2001:db8::1', 'unreachable')], 3478);
    expect(finding.status).toBe('ok');
  });

  it('lets a wrong answer weigh more than a missing one', () => {
    const wrong = answered('203.0.113.9', '0.0.0.0');
    expect(judgeStun([wrong, silent('2001:db8::1', 'timeout')], 3478).reason).toBe('implausible-answer');
  });
});
