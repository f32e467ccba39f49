import { describe, expect, it } from 'vitest';
import { judgeCaptivePortal, judgeNoHttp } from '../../src/probe/judge-captive-portal.ts';

describe('judgeCaptivePortal', () => {
  it.each([
    [{ status: 204, response: 'response c', location: undefined }, 'ok', undefined],
    [{ status: 204, response: undefined, location: undefined }, 'failed', 'no-response'],
    [{ status: 204, response: 'response other', location: undefined }, 'failed', 'no-response'],
    [{ status: 200, response: 'response c', location: undefined }, 'failed', 'not-204'],
    [{ status: 301, response: undefined, location: 'https://relay.example/' }, 'failed', 'not-204'],
  ])('judges %j as %s', (answer, status, reason) => {
    const finding = judgeCaptivePortal(answer, 'c', 80);
    expect([finding.status, finding.reason]).toEqual([status, reason]);
    expect(finding.data).toEqual({ status: answer.status, response: answer.response });
    expect(finding.remedy !== undefined).toBe(status !== 'ok');
    if (answer.location) expect(finding.detail).toContain(answer.location);
  });
});

it('judgeNoHttp warns only, as nobody is misled', () => {
  expect(judgeNoHttp('ECONNREFUSED', 80)).toMatchObject({ status: 'warning', reason: 'no-http' });
});
