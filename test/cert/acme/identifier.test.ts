import { describe, expect, it } from 'vitest';
import { chooseProfile, isLetsEncrypt, parseDirectory, stagingOf } from '../../../src/cert/acme/directory.ts';
import { challengeServerName, identifierOf } from '../../../src/cert/acme/identifier.ts';
import { privateHost } from '../../../src/cert/acme/private-host.ts';

const PRODUCTION = 'https://acme-v02.api.letsencrypt.org/directory';

describe('a host as an identifier', () => {
  it.each([
    ['Derp.Example.com', { type: 'dns', value: 'derp.example.com' }, 'derp.example.com'],
    ['192.0.2.10', { type: 'ip', value: '192.0.2.10' }, '10.2.0.192.in-addr.arpa'],
    // RFC 8738, 6, and RFC 3596, 2.5.
    [
      '2001:db8::567:89ab',
      { type: 'ip', value: '2001:db8::567:89ab' },
      'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    ],
  ])('%s', (host, identifier, serverName) => {
    expect(identifierOf(host)).toEqual(identifier);
    expect(challengeServerName(host)).toBe(serverName);
  });
});

describe('a directory', () => {
  const urls = {
    newNonce: 'https://ca.example/n',
    newAccount: 'https://ca.example/a',
    newOrder: 'https://ca.example/o',
  };

  it('is read with what it says of itself', () => {
    const meta = {
      profiles: { shortlived: 'six days', classic: '' },
      externalAccountRequired: true,
      caaIdentities: ['ca.example', 7],
    };
    expect(parseDirectory(JSON.stringify({ ...urls, renewalInfo: 'https://ca.example/r', meta }))).toEqual({
      newOrder: urls.newOrder,
      renewalInfo: 'https://ca.example/r',
      profiles: meta.profiles,
      externalAccountRequired: true,
      caaIdentities: ['ca.example'],
    });
    expect(parseDirectory(JSON.stringify(urls))).toMatchObject({ profiles: {}, renewalInfo: undefined });
  });

  it.each([
    '',
    'null',
    '[]',
    '<html>',
    '{"newOrder":"https://ca.example/o"}',
    JSON.stringify({ ...urls, newOrder: 'http://ca.example/o' }),
  ])('%j is none', (text) => {
    expect(parseDirectory(text)).toBeUndefined();
  });

  it('is asked for short-lived certificates for addresses only, and where it has them', () => {
    const profiles = { classic: '', shortlived: '' };
    expect(chooseProfile({ type: 'ip', value: '192.0.2.1' }, { profiles })).toBe('shortlived');
    expect(chooseProfile({ type: 'dns', value: 'a.example' }, { profiles })).toBeUndefined();
    expect(chooseProfile({ type: 'ip', value: '192.0.2.1' }, { profiles: { classic: '' } })).toBeUndefined();
  });

  it('of Let’s Encrypt is known, and where to try', () => {
    expect(isLetsEncrypt(PRODUCTION)).toBe(true);
    expect(stagingOf(PRODUCTION)).toContain('staging');
    for (const url of ['https://letsencrypt.org.evil.example/directory', 'https://ca.example/dir', 'nonsense']) {
      expect(isLetsEncrypt(url)).toBe(false);
      expect(stagingOf(url)).toBeUndefined();
    }
  });
});

describe('hosts that a public authority refuses', () => {
  it.each(['10.0.0.1', '192.168.1.2', '100.64.0.1', '127.0.0.1', 'fd00::1'])('%s', (host) => {
    expect(privateHost(host, PRODUCTION)?.code).toBe('private-host');
    expect(privateHost(host, 'https://ca.example/dir')).toBeUndefined();
  });

  it.each(['203.0.113.7', '2001:db8::1', 'derp.example.com'])('not %s', (host) => {
    expect(privateHost(host, PRODUCTION)).toBeUndefined();
  });
});
