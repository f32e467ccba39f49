import { describe, expect, it } from 'vitest';
import { type AddressAnswer, judgeAddresses } from '../../../src/cert/acme/addresses.ts';
import { checkCaa, judgeCaa } from '../../../src/cert/acme/caa.ts';
import { proxyFor } from '../../../src/cert/acme/proxy.ts';
import type { AddressScope } from '../../../src/system/network.ts';

const local = (...addresses: [string, AddressScope][]) =>
  addresses.map(([address, scope]) => ({ address, scope, interface: 'eth0' }));
const found = (address: string, answer: AddressAnswer, own = false) => ({ address, answer, own });

describe('the addresses of a host', () => {
  const server = local(['203.0.113.7', 'global'], ['2001:db8::7', 'global']);
  const behindNat = local(['10.0.0.4', 'private']);

  it('are fine where each of them leads here', () => {
    expect(
      judgeAddresses([found('203.0.113.7', 'ours', true), found('2001:db8::7', 'ours', true)], server),
    ).toBeUndefined();
    expect(judgeAddresses([found('198.51.100.1', 'ours')], server)).toBeUndefined();
  });

  it('name the one that leads elsewhere, with what this machine has of its family', () => {
    const good = found('203.0.113.7', 'ours', true);
    expect(judgeAddresses([good, found('2001:db8::9', 'other')], server)).toEqual({
      code: 'answered-elsewhere',
      address: '2001:db8::9',
      own: ['2001:db8::7'],
    });
    expect(judgeAddresses([good, found('2001:db8::9', 'none')], local(['203.0.113.7', 'global']))).toEqual({
      code: 'leads-elsewhere',
      address: '2001:db8::9',
      own: [],
    });
    expect(judgeAddresses([found('198.51.100.1', 'none')], server)).toMatchObject({ code: 'leads-elsewhere' });
  });

  it('prove nothing by silence behind a provider’s NAT, for IPv4', () => {
    expect(judgeAddresses([found('203.0.113.7', 'none')], behindNat)).toBeUndefined();
    expect(judgeAddresses([found('203.0.113.7', 'other')], behindNat)).toMatchObject({ code: 'answered-elsewhere' });
    expect(judgeAddresses([found('2001:db8::7', 'none')], behindNat)).toMatchObject({ code: 'leads-elsewhere' });
  });

  it('say when nobody answers here at all', () => {
    expect(judgeAddresses([found('127.0.0.1', 'none', true)], behindNat)).toEqual({
      code: 'silent-here',
      address: '127.0.0.1',
    });
  });
});

describe('CAA records', () => {
  const judge = (...values: object[]) =>
    judgeCaa(
      'example.com',
      values.map((value) => ({ critical: 0, ...value })),
      ['ca.example'],
      'http-01',
    );

  it.each([
    ['nothing about issuing', [{ iodef: 'mailto:a@example.com' }]],
    ['this authority', [{ issue: 'other.example' }, { issue: 'ca.example' }]],
    ['it with an account', [{ issue: 'CA.example; accounturi=https://ca.example/1' }]],
    ['it with this challenge', [{ issue: 'ca.example; validationmethods=dns-01,http-01' }]],
    ['others for wildcards only', [{ issuewild: 'other.example' }]],
  ])('that say %s are no obstacle', (_, values) => {
    expect(judge(...values)).toBeUndefined();
  });

  it('that name others, nobody, or another challenge are one', () => {
    expect(judge({ issue: 'other.example' })).toEqual({ name: 'example.com', allowed: ['other.example'] });
    expect(judge({ issue: ';' })).toEqual({ name: 'example.com', allowed: [] });
    expect(judge({ issue: 'ca.example; validationmethods=dns-01' })).toEqual({
      name: 'example.com',
      allowed: ['ca.example'],
      onlyByMethods: ['dns-01'],
    });
  });

  it('are looked for upwards, and the first that are found count', async () => {
    const asked: string[] = [];
    const look = async (name: string) => {
      asked.push(name);
      return name === 'example.com' ? [{ critical: 0, issue: ';' }] : undefined;
    };
    expect(await checkCaa('a.b.example.com', ['ca.example'], 'http-01', look)).toMatchObject({ name: 'example.com' });
    expect(asked).toEqual(['a.b.example.com', 'b.example.com', 'example.com']);
    expect(await checkCaa('a.example.com', ['ca.example'], 'http-01', async () => 'unknown')).toBeUndefined();
    expect(await checkCaa('a.example.com', [], 'http-01', look)).toBeUndefined();
  });
});

describe('a proxy', () => {
  const url = new URL('https://acme.example.com/dir');

  it.each([
    [{ HTTPS_PROXY: 'http://proxy.example:3128' }, 'http://proxy.example:3128/'],
    [{ https_proxy: 'proxy.example:3128' }, 'http://proxy.example:3128/'],
    [{ ALL_PROXY: 'http://all.example:1' }, 'http://all.example:1/'],
    [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'other.example, example.org' }, 'http://p:1/'],
    [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'acme.example.com:8443' }, 'http://p:1/'],
  ])('%j is taken', (environment, expected) => {
    expect(proxyFor(url, environment)?.href).toBe(expected);
  });

  it.each([
    {},
    { HTTP_PROXY: 'http://proxy.example:3128' },
    { HTTPS_PROXY: 'socks5://proxy.example:1080' },
    { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' },
    { HTTPS_PROXY: 'http://p:1', no_proxy: '.example.com' },
    { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'example.com' },
    { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'acme.example.com:443' },
  ])('%j means none', (environment) => {
    expect(proxyFor(url, environment)).toBeUndefined();
  });
});
