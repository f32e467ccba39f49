import { describe, expect, it } from 'vitest';
import { environmentName, questionKeys, questions } from '../../../src/setup/answers/questions.ts';
import { type AnswerSources, completeAnswers, resolveAnswers } from '../../../src/setup/answers/resolve.ts';
import { closest } from '../../../src/setup/answers/suggest.ts';
import { plainFacts, serverFacts } from '../facts.ts';

const resolve = (sources: Partial<AnswerSources>) => resolveAnswers({ flags: {}, environment: {}, ...sources });
const document = (values: Record<string, unknown>, path = '/answers.json') => ({ path, values });

describe('resolveAnswers', () => {
  const sources: AnswerSources = {
    flags: { derpPort: '1' },
    environment: { DERP_SETUP_DERP_PORT: '2', DERP_SETUP_STUN_PORT: '2', HOME: '/root' },
    answersFile: document({ derpPort: 3, stunPort: 3, httpPort: 3 }),
    saved: document({ derpPort: 4, stunPort: 4, httpPort: 4, regionId: 904 }, '/config.json'),
  };

  it('takes a flag before the environment, that before the answers file, and that before the last run', () => {
    const { given, problems } = resolveAnswers(sources);
    expect(problems).toEqual([]);
    expect(given.derpPort).toEqual({ value: 1, source: 'flag', subject: '--derp-port' });
    expect(given.stunPort).toEqual({ value: 2, source: 'environment', subject: 'DERP_SETUP_STUN_PORT' });
    expect(given.httpPort).toEqual({ value: 3, source: 'answers-file', subject: '/answers.json: httpPort' });
    expect(given.regionId).toEqual({ value: 904, source: 'saved', subject: '/config.json: regionId' });
  });

  it('fills in the defaults last', () => {
    expect(completeAnswers(resolveAnswers(sources).given, plainFacts)).toEqual({
      host: '203.0.113.7',
      cert: 'self-signed',
      certFile: undefined,
      keyFile: undefined,
      derpPort: 1,
      stunPort: 2,
      httpPort: 3,
      deploy: 'foreground',
      verify: { kind: 'none' },
      regionId: 904,
      regionCode: 'myderp',
      regionName: 'My DERP',
      nodeName: '904a',
      ipv4: undefined,
      ipv6: undefined,
      home: 'default',
    });
  });

  it('takes files as the wish to have them used', () => {
    const { given } = resolve({ flags: { certFile: '/x.crt', keyFile: '/x.key' } });
    expect(completeAnswers(given, plainFacts).cert).toBe('manual');
  });

  it('does not look at an answer that another one overrides', () => {
    const { problems, given } = resolve({ flags: { derpPort: '9' }, environment: { DERP_SETUP_DERP_PORT: 'x' } });
    expect(problems).toEqual([]);
    expect(given.derpPort?.value).toBe(9);
  });

  it('finds everything that is wrong, and says where each was given', () => {
    const { problems, unusable } = resolve({
      flags: { host: 'a b', regionId: true },
      environment: { DERP_SETUP_DERP_PORT: '70000' },
      answersFile: document({ stunPort: '80a', home: { redirect: 'x' } }),
      saved: document({ httpPort: 0 }, '/config.json'),
    });
    expect(problems.map(({ subject, flag, value, rule }) => [subject, flag, value, rule.code])).toEqual([
      ['--host', '--host', 'a b', 'not-a-host'],
      ['DERP_SETUP_DERP_PORT', '--derp-port', '70000', 'not-a-port'],
      ['/config.json: httpPort', '--http-port', '0', 'not-a-port'],
      ['/answers.json: stunPort', '--stun-port', '80a', 'not-a-port'],
      ['--region-id', '--region-id', undefined, 'missing-value'],
      ['/answers.json: home', '--home', undefined, 'not-text'],
    ]);
    expect([...unusable]).toEqual(['host', 'derpPort', 'httpPort', 'stunPort', 'regionId', 'home']);
  });

  it('reads file keys in either spelling, and null as no answer', () => {
    const { given, problems } = resolve({
      answersFile: document({ 'derp-port': ':9443', region_id: null, host: null }),
    });
    expect(given.derpPort?.value).toBe(9443);
    expect(given.host).toBeUndefined();
    expect(problems).toEqual([
      { subject: '/answers.json: region_id', rule: { code: 'unknown-setting', suggestion: 'regionId' } },
    ]);
  });

  it('refuses settings that it does not know, wherever they stand', () => {
    const { problems } = resolve({
      environment: { DERP_SETUP_DERPPORT: '1', DERP_SETUP_ALLOW_CIDER: '10.0.0.0/8', DERP_SETUP_LANG: 'en' },
      answersFile: document({ allowCider: [] }),
    });
    expect(problems.map(({ subject, rule }) => [subject, rule])).toEqual([
      ['DERP_SETUP_DERPPORT', { code: 'unknown-setting', suggestion: 'DERP_SETUP_DERP_PORT' }],
      ['DERP_SETUP_ALLOW_CIDER', { code: 'unknown-setting', suggestion: 'DERP_SETUP_ALLOW_CIDR' }],
      ['/answers.json: allowCider', { code: 'unknown-setting', suggestion: 'allowCidr' }],
    ]);
  });

  it('takes an empty variable for none', () => {
    expect(resolve({ environment: { DERP_SETUP_HOST: '' } })).toMatchObject({ given: {}, problems: [] });
  });
});

describe('the table of questions', () => {
  it('gives every question a flag, a variable and a default of its own kind', () => {
    const flags = questionKeys.map((key) => questions[key].flag);
    expect(new Set(flags).size).toBe(flags.length);
    expect(flags.map(environmentName)).toContain('DERP_SETUP_CERT_FILE');
    const answers = completeAnswers({}, plainFacts);
    for (const key of questionKeys) {
      const value = answers[key];
      if (typeof value === 'string' || typeof value === 'number') {
        expect(questions[key].parse(String(value)), key).toEqual({ ok: true, value });
      }
    }
  });

  it('has the defaults of a server as root with systemd, where nobody is let in without a choice', () => {
    const answers = completeAnswers({}, serverFacts);
    expect(answers).toMatchObject({
      deploy: 'systemd',
      derpPort: 443,
      httpPort: 80,
      stunPort: 3478,
      verify: undefined,
    });
    const tailscaled = { socket: '/run/tailscale/tailscaled.sock', state: 'running' } as const;
    expect(completeAnswers({}, { ...serverFacts, tailscaled }).verify).toEqual({ kind: 'tailscaled' });
  });

  it('names each flag after its key', () => {
    for (const key of questionKeys) {
      const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      expect(questions[key].flag).toBe(flag);
    }
  });
});

describe('closest', () => {
  const known = ['--host', '--derp-port', '--stun-port', '--root'];
  it.each([
    ['--derp-prot', '--derp-port'],
    ['--hots', '--host'],
    ['-host', '--host'],
    ['--stunport', '--stun-port'],
    ['--frobnicate', undefined],
    ['', undefined],
  ])('%j → %s', (word, expected) => {
    expect(closest(word, known)).toBe(expected);
  });
});
