import { expect, it } from 'vitest';
import { addressKind } from '../../src/probe/address-kind.ts';

it.each([
  ['0.0.0.0', 'unspecified'],
  ['::', 'unspecified'],
  ['127.0.1.1', 'loopback'],
  ['::1', 'loopback'],
  ['10.255.255.255', 'private'],
  ['11.0.0.0', 'public'],
  ['172.15.255.255', 'public'],
  ['172.16.0.0', 'private'],
  ['172.31.255.255', 'private'],
  ['172.32.0.0', 'public'],
  ['192.168.1.1', 'private'],
  ['169.254.169.254', 'private'],
  ['fd7a:115c:a1e0::1', 'private'],
  ['fe80::1%eth0', 'private'],
  ['100.63.255.255', 'public'],
  ['100.64.0.1', 'shared'],
  ['100.127.255.255', 'shared'],
  ['100.128.0.0', 'public'],
  ['198.18.0.7', 'benchmark'],
  ['198.20.0.0', 'public'],
  ['203.0.113.9', 'public'],
  ['2001:db8::1', 'public'],
  ['::ffff:10.0.0.1', 'private'],
  ['relay.example', 'public'],
])('addressKind says that %s is %s', (address, kind) => {
  expect(addressKind(address)).toBe(kind);
});
