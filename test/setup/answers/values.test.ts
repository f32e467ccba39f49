import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatVerification } from '../../../src/deploy/verification.ts';
import type { Parsed } from '../../../src/setup/answers/problems.ts';
import {
  parseChoice,
  parseCount,
  parseFamilyAddress,
  parseHome,
  parseHost,
  parseImage,
  parseNodeName,
  parsePath,
  parsePin,
  parsePort,
  parseRegionCode,
  parseRegionId,
  parseRegionName,
  parseVerification,
} from '../../../src/setup/answers/values.ts';

const resultOf = <T>(parsed: Parsed<T>) => (parsed.ok ? parsed.value : `refused: ${parsed.rule.code}`);
const codeOf = <T>(parsed: Parsed<T>) => (parsed.ok ? 'accepted' : parsed.rule.code);

describe('parseVerification', () => {
  it.each([
    ['tailscaled', { kind: 'tailscaled' }],
    ['tailscaled:/run/other/tailscaled.sock', { kind: 'tailscaled', socket: '/run/other/tailscaled.sock' }],
    ['url:https://hs.example.com/verify', { kind: 'url', url: 'https://hs.example.com/verify' }],
    ['url:http://127.0.0.1:8080/verify', { kind: 'url', url: 'http://127.0.0.1:8080/verify' }],
    ['keys:/etc/derp-setup/keys', { kind: 'keys', file: '/etc/derp-setup/keys' }],
    ['none', { kind: 'none' }],
  ])('reads %s, and writes it the same way', (text, verification) => {
    expect(parseVerification(text)).toEqual({ ok: true, value: verification });
    expect(formatVerification(verification as Parameters<typeof formatVerification>[0])).toBe(text);
  });

  it.each([
    ['', 'not-one-of'],
    ['everybody', 'not-one-of'],
    ['tailscaled:', 'not-one-of'],
    ['none:', 'not-one-of'],
    ['keys:', 'not-one-of'],
    ['url:', 'not-one-of'],
    ['url:http://hs.example.com/verify', 'not-an-admission-url'],
    ['url:hs.example.com', 'not-an-admission-url'],
  ])('refuses %j', (text, code) => {
    expect(codeOf(parseVerification(text))).toBe(code);
  });
});

describe('parsePort', () => {
  it.each(['8443', ':8443', '":8443"', "':8443'", ' 8443 ', '"8443"', '08443'])('%j is 8443', (text) => {
    expect(resultOf(parsePort(text))).toBe(8443);
  });

  it.each([
    '0',
    ':0',
    '65536',
    '70000',
    '80a',
    '',
    ':',
    '-1',
    '8443:',
    '1.5',
    '0x50',
    '1e3',
    '127.0.0.1:80',
    '"8443',
    '１２３',
  ])('%j is refused', (text) => {
    expect(parsePort(text)).toEqual({ ok: false, rule: { code: 'not-a-port', offAllowed: false } });
  });

  it('takes -1 where the port can be switched off', () => {
    expect(resultOf(parsePort('-1', { offAllowed: true }))).toBe(-1);
    expect(codeOf(parsePort('-2', { offAllowed: true }))).toBe('not-a-port');
  });

  it('takes every port and nothing else that is a number', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 200_000 }), (port) => {
        expect(parsePort(`:${port}`).ok).toBe(port >= 1 && port <= 65_535);
      }),
    );
  });
});

describe('parseImage', () => {
  it.each([
    'node',
    'node:24-bookworm-slim',
    'docker.io/library/node:24',
    'registry.example.com:5000/a/b_c/node:24',
    `node@sha256:${'ab'.repeat(32)}`,
    `mirror.example/node:24@sha256:${'ab'.repeat(32)}`,
  ])('%s', (text) => {
    expect(parseImage(text)).toEqual({ ok: true, value: text });
  });

  it('drops what shells and files leave around it', () => {
    expect(parseImage(' "node:24" ')).toEqual({ ok: true, value: 'node:24' });
  });

  it.each(['', 'Node', 'node:', 'node:24 --privileged', '-v', '$IMAGE', 'node\nRELAY_UID=0', 'a//b', 'x'.repeat(256)])(
    '%j is none',
    (text) => {
      expect(parseImage(text)).toEqual({ ok: false, rule: { code: 'not-an-image' } });
    },
  );
});

describe('parseHost', () => {
  it.each([
    ['derp.example.com', 'derp.example.com'],
    ['DERP.Example.COM.', 'derp.example.com'],
    ['localhost', 'localhost'],
    ['例え.jp', 'xn--r8jz45g.jp'],
    ['203.0.113.7', '203.0.113.7'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['"derp.example.com"', 'derp.example.com'],
    ['127.0.0.1', '127.0.0.1'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('%s is %s', (text, host) => {
    expect(resultOf(parseHost(text))).toBe(host);
  });

  it.each([
    '',
    ' ',
    'foo bar',
    '-a.example',
    'a-.example',
    'a..example',
    '.',
    '1.2.3',
    '1.2.3.4.5',
    '999.1.1.1',
    '1.2.3.04',
    'a_b.example',
    '*.example.com',
    'user@host',
    '2001:db8::7%eth0',
    '2001:db8',
    'exa%6dple.com',
    'exa\nmple.com',
    'exa\u200bmple.com',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}aa`,
  ])('%j is refused', (text) => {
    expect(codeOf(parseHost(text))).toBe('not-a-host');
  });

  it.each([
    ['https://derp.example.com/', 'url'],
    ['derp.example.com:8443', 'port'],
    ['[2001:db8::7]:8443', 'port'],
    ['foo bar', 'plain'],
  ])('%s: a hint at the mistake (%s)', (text, hint) => {
    expect(parseHost(text)).toEqual({ ok: false, rule: { code: 'not-a-host', hint } });
  });

  it.each(['0.0.0.0', '::', 'fe80::1', '169.254.1.1'])('%s is an address that nobody can dial', (text) => {
    expect(codeOf(parseHost(text))).toBe('unusable-host');
  });

  it('reads its own answer the same way again, and never throws', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(texts, (text) => {
        const first = parseHost(text);
        if (first.ok) expect(parseHost(first.value)).toEqual(first);
      }),
    );
  });
});

describe('parseChoice', () => {
  const parse = (text: string) => parseChoice(text, ['none', 'some']);
  it('takes one of the words, and refuses all else with what there is', () => {
    expect(resultOf(parse('none'))).toBe('none');
    expect(resultOf(parse(' "some" '))).toBe('some');
    expect(codeOf(parse('nobody'))).toBe('not-one-of');
    expect(codeOf(parse(''))).toBe('not-one-of');
  });
});

describe('the region', () => {
  it.each([
    ['900', 900],
    [' 1 ', 1],
    ['65535', 65_535],
    ['0', 'refused: out-of-range'],
    ['-1', 'refused: out-of-range'],
    ['65536', 'refused: out-of-range'],
    ['5x', 'refused: not-a-number'],
    ['', 'refused: not-a-number'],
    ['9.5', 'refused: not-a-number'],
  ])('number %j: %s', (text, value) => {
    expect(resultOf(parseRegionId(text))).toBe(value);
  });

  it('takes names that its linter has nothing against', () => {
    expect(resultOf(parseRegionCode(' fra '))).toBe('fra');
    expect(codeOf(parseRegionCode('a b'))).toBe('bad-code');
    expect(resultOf(parseRegionName('法兰克福'))).toBe('法兰克福');
    expect(codeOf(parseRegionName('a\nb'))).toBe('bad-name');
    expect(resultOf(parseNodeName('900a'))).toBe('900a');
    expect(codeOf(parseNodeName('900 a'))).toBe('bad-node-name');
  });
});

describe('parseFamilyAddress', () => {
  it('takes an address of its family, or none', () => {
    expect(resultOf(parseFamilyAddress('203.0.113.7', 4))).toBe('203.0.113.7');
    expect(resultOf(parseFamilyAddress('[2001:DB8::7]', 6))).toBe('2001:db8::7');
    expect(resultOf(parseFamilyAddress('None', 4))).toBe('none');
  });

  it.each([
    ['2001:db8::7', 4],
    ['203.0.113.7', 6],
    ['1.2.3', 4],
    ['', 6],
    ['fe80::1%eth0', 6],
  ] as const)('%j is no IPv%i address', (text, family) => {
    expect(parseFamilyAddress(text, family)).toEqual({ ok: false, rule: { code: 'not-an-address', family } });
  });
});

describe('the rest', () => {
  it('home pages', () => {
    expect(resultOf(parseHome(''))).toBe('default');
    expect(resultOf(parseHome('blank'))).toBe('blank');
    expect(resultOf(parseHome('https://example.com/x'))).toEqual({ redirect: 'https://example.com/x' });
    for (const text of ['example.com', 'ftp://x', 'https://', 'javascript:alert(1)', 'https://a b']) {
      expect(codeOf(parseHome(text)), text).toBe('not-a-home');
    }
  });

  it('counts', () => {
    expect(resultOf(parseCount('100', 1, 100))).toBe(100);
    for (const text of ['0', '101', '-1', '1.5', 'x', '']) expect(codeOf(parseCount(text, 1, 100))).toBe('not-a-count');
  });

  it('pins, in the lower case in which clients compare them', () => {
    expect(resultOf(parsePin(`SHA256-raw:${'AB'.repeat(32)}`))).toBe(`sha256-raw:${'ab'.repeat(32)}`);
    for (const text of ['', 'sha256-raw:', `sha256:${'ab'.repeat(32)}`, `sha256-raw:${'ab'.repeat(31)}`]) {
      expect(codeOf(parsePin(text)), text).toBe('not-a-pin');
    }
  });

  it('paths', () => {
    expect(resultOf(parsePath('/a b'))).toBe('/a b');
    expect(codeOf(parsePath(' '))).toBe('missing-value');
  });
});
