import { describe, expect, it } from 'vitest';
import { globExpression } from '../../../src/deploy/nginx/configuration.ts';
import { parseDirectives } from '../../../src/deploy/nginx/directives.ts';
import { doorsOf, innerOptions } from '../../../src/deploy/nginx/doors.ts';
import { placeOf, readListen, takesTcpPort } from '../../../src/deploy/nginx/listen.ts';

const listen = (text: string) => readListen(parseDirectives(`listen ${text};`, '')[0]!);

describe('readListen', () => {
  it.each([
    ['443', '0.0.0.0', 443],
    ['443 ssl http2 default_server', '0.0.0.0', 443],
    ['*:443', '0.0.0.0', 443],
    ['0.0.0.0:443', '0.0.0.0', 443],
    ['[::]:443', '::', 443],
    ['[0:0::0]:443', '::', 443],
    ['203.0.113.7:443', '203.0.113.7', 443],
    ['[2001:DB8::7]:443', '2001:db8::7', 443],
    ['203.0.113.7', '203.0.113.7', 80],
    ['[::]', '::', 80],
    ['*', '0.0.0.0', 80],
  ])('%s', (text, address, port) => {
    expect(listen(text)).toMatchObject({ address, isName: false, ports: [port, port] });
  });

  it('tells names and ranges', () => {
    expect(listen('localhost:443')).toMatchObject({ address: 'localhost', isName: true, ports: [443, 443] });
    expect(listen('localhost')).toMatchObject({ address: 'localhost', isName: true, ports: [80, 80] });
    expect(listen('127.0.0.1:440-445')).toMatchObject({ address: '127.0.0.1', ports: [440, 445] });
    expect(listen('440-445')).toMatchObject({ address: '0.0.0.0', ports: [440, 445] });
    expect(listen('unix:/run/a.sock')).toBeUndefined();
  });

  it('knows what takes a port in TCP', () => {
    expect(takesTcpPort(listen('443 ssl')!, 443)).toBe(true);
    expect(takesTcpPort(listen('440-445')!, 443)).toBe(true);
    expect(takesTcpPort(listen('443 quic reuseport')!, 443)).toBe(false);
    expect(takesTcpPort(listen('443 udp')!, 443)).toBe(false);
    expect(takesTcpPort(listen('8443 ssl')!, 443)).toBe(false);
  });
});

describe('doors', () => {
  it('have an inner address each, so that each keeps its own default site', () => {
    const listens = [
      '443 ssl backlog=9',
      '[::]:443 ssl ipv6only=off',
      '203.0.113.7:443',
      '198.51.100.2:443',
      '443 ssl',
    ];
    expect(doorsOf(listens.map((text) => listen(text)!))).toEqual([
      { address: '0.0.0.0', inner: '127.0.0.1', options: ['backlog=9'] },
      { address: '198.51.100.2', inner: '127.0.0.11', options: [] },
      { address: '203.0.113.7', inner: '127.0.0.12', options: [] },
      { address: '::', inner: '127.0.0.6', options: ['ipv6only=off'] },
    ]);
  });

  it('leave to the sites what is theirs', () => {
    expect(
      innerOptions(['ssl', 'http2', 'default_server', 'reuseport', 'backlog=9', 'deferred', 'fastopen=3']),
    ).toEqual(['ssl', 'http2', 'default_server']);
  });

  it('are written as nginx reads them', () => {
    expect(['0.0.0.0', '::', '192.0.2.1', '2001:db8::7'].map((address) => placeOf(address, 443))).toEqual([
      '443',
      '[::]:443',
      '192.0.2.1:443',
      '[2001:db8::7]:443',
    ]);
  });
});

describe('globExpression', () => {
  it.each([
    ['/etc/nginx/conf.d/*.conf', '/etc/nginx/conf.d/a.conf', true],
    ['/etc/nginx/conf.d/*.conf', '/etc/nginx/conf.d/b/a.conf', false],
    ['/etc/nginx/conf.d/*.conf', '/etc/nginx/conf.d/aXconf', false],
    ['/etc/nginx/sites-enabled/*', '/etc/nginx/sites-enabled/a+b (1)', true],
    ['/etc/nginx/[ab]?.conf', '/etc/nginx/bx.conf', true],
    ['/etc/nginx/[!ab].conf', '/etc/nginx/b.conf', false],
    ['/etc/nginx/mime.types', '/etc/nginx/mime.types', true],
  ])('%s and %s', (pattern, path, expected) => {
    expect(globExpression(pattern).test(path)).toBe(expected);
  });
});
