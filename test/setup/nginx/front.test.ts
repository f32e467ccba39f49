/** What goes together with nginx ending TLS. */
import { describe, expect, it } from 'vitest';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { crossCheck } from '../../../src/setup/answers/cross-checks.ts';
import { completeAnswers, resolveAnswers } from '../../../src/setup/answers/resolve.ts';
import { orderOf } from '../../../src/setup/certificate/order.ts';
import { plainFacts } from '../facts.ts';

function resolved(flags: Record<string, string>, saved: Record<string, unknown> = {}) {
  const resolution = resolveAnswers({ flags, environment: {}, saved: { path: '/config.json', values: saved } });
  return { resolution, answers: completeAnswers(resolution.given, plainFacts) };
}

function problems(flags: Record<string, string>, saved: Record<string, unknown> = {}) {
  const { resolution, answers } = resolved({ host: 'derp.example.com', ...flags }, saved);
  return [...resolution.problems, ...crossCheck(answers, resolution)].map(({ subject, rule }) =>
    rule.code === 'only-with' ? `${subject} only with ${rule.choice}` : `${subject} ${rule.code}`,
  );
}

const BEHIND = { deploy: 'nginx-bypass', front: 'http' };

describe('--front', () => {
  it('is stream unless something else is said, and goes with nginx alone', () => {
    expect(resolved({ deploy: 'nginx-bypass' }).answers.front).toBe('stream');
    expect(resolved({ deploy: 'systemd' }).answers.front).toBeUndefined();
    expect(problems(BEHIND)).toEqual([]);
    expect(problems({ ...BEHIND, front: 'tcp' })).toEqual(['--front not-one-of']);
    expect(problems({ deploy: 'systemd', front: 'http' })).toEqual(['--front only with --deploy nginx-bypass']);
  });

  it('http has no ports of other sites, and no challenge that only the end of TLS could answer', () => {
    const ordered = { ...BEHIND, cert: 'letsencrypt', acmeChallenge: 'tls-alpn-01' };
    expect(problems(ordered)).toEqual(['--acme-challenge only with --front stream']);
    expect(problems({ ...ordered, acmeChallenge: 'http-01' })).toEqual([]);
    expect(problems({ ...BEHIND, sitesPort: '8444' })).toEqual(['--sites-port only with --front stream']);
    expect(problems({ ...ordered, front: 'stream' })).toEqual([]);
  });

  it('http orders by http-01, and is forgotten where another target has no use for it', () => {
    const challenge = (flags: Record<string, string>, saved: Record<string, unknown> = {}) =>
      orderOf(resolved({ cert: 'letsencrypt', ...flags }, saved).answers, layoutBelow('/')).challenge;
    expect(challenge(BEHIND)).toBe('http-01');
    expect(challenge({ deploy: 'systemd' }, { front: 'http' })).toBeUndefined();
    expect(problems({ deploy: 'systemd' }, { front: 'http' })).toEqual([]);
  });
});
