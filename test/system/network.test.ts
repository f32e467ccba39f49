import { describe, expect, it } from 'vitest';
import { addressScope, bestHost, type LocalAddress, localAddresses } from '../../src/system/network.ts';

const at = (name: string, address: string): LocalAddress => ({
  address,
  interface: name,
  scope: addressScope(address),
});

describe('addressScope', () => {
  it.each([
    ['203.0.113.7', 'global'],
    ['8.8.8.8', 'global'],
    ['10.0.0.4', 'private'],
    ['172.16.0.1', 'private'],
    ['172.32.0.1', 'global'],
    ['192.168.1.20', 'private'],
    ['100.64.0.1', 'shared'],
    ['100.128.0.1', 'global'],
    ['127.0.0.53', 'loopback'],
    ['169.254.1.1', 'link-local'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['fe80::1', 'link-local'],
    ['fd7a:115c:a1e0::1', 'shared'],
    ['fd00::1', 'private'],
    ['2001:db8::7', 'global'],
  ])('%s is %s', (address, scope) => {
    expect(addressScope(address)).toBe(scope);
  });
});

describe('bestHost', () => {
  const loopback = at('lo', '127.0.0.1');

  it('takes a global IPv4 address first, wherever it stands', () => {
    expect(bestHost([loopback, at('eth1', '10.0.0.4'), at('eth0', '2001:db8::7'), at('eth0', '203.0.113.7')])).toBe(
      '203.0.113.7',
    );
  });

  it('then a private IPv4 address, then a global IPv6 address', () => {
    expect(bestHost([loopback, at('eth0', '2001:db8::7'), at('eth1', '10.0.0.4')])).toBe('10.0.0.4');
    expect(bestHost([loopback, at('eth0', 'fe80::1'), at('eth0', '2001:db8::7')])).toBe('2001:db8::7');
  });

  it('takes none that leads to containers or into a tailnet', () => {
    expect(bestHost([at('docker0', '172.17.0.1'), at('tailscale0', '100.64.0.9'), at('ens3', '192.168.1.2')])).toBe(
      '192.168.1.2',
    );
  });

  it('falls back to loopback', () => {
    expect(bestHost([])).toBe('127.0.0.1');
    expect(bestHost([loopback, at('docker0', '172.17.0.1'), at('tun0', '10.8.0.2')])).toBe('127.0.0.1');
  });

  it('reads the form in which Node lists interfaces', () => {
    const info = { netmask: '', mac: '', internal: false, cidr: null };
    const list = localAddresses({ eth0: [{ ...info, family: 'IPv4', address: '203.0.113.7' }], none: undefined });
    expect(list).toEqual([{ address: '203.0.113.7', interface: 'eth0', scope: 'global' }]);
  });
});
