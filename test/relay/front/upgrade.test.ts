import { describe, expect, it } from 'vitest';
import { endpointOf, unmapAddress } from '../../../src/relay/front/endpoint.ts';
import { switchingProtocols, upgradeKind } from '../../../src/relay/front/upgrade.ts';

describe('an upgrade', () => {
  it.each([
    ['DERP', undefined, 'derp'],
    ['derp', undefined, 'derp'],
    ['DERP', 'derp', 'derp'],
    ['websocket', 'derp', 'websocket'],
    ['WebSocket', 'chat, derp', 'websocket'],
    ['websocket', 'chat,derp', 'websocket'],
    ['websocket', undefined, 'derp'],
    ['websocket', 'chat', 'derp'],
    ['websocket', 'derper', 'derp'],
    ['websocket', 'DERP', 'derp'],
    ['h2c', undefined, 'unknown'],
    ['derp, websocket', undefined, 'unknown'],
    ['', undefined, 'unknown'],
    [undefined, 'derp', 'unknown'],
  ])('to %s with the subprotocols %s is %s', (upgrade, subprotocols, kind) => {
    expect(upgradeKind(upgrade, subprotocols)).toBe(kind);
  });

  it('is answered with the version and the relay’s key', () => {
    expect(switchingProtocols(Buffer.alloc(32, 0xab)).toString()).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n' +
        `Derp-Public-Key: ${'ab'.repeat(32)}\r\n\r\n`,
    );
  });
});

describe('the other end of a connection', () => {
  it('is IPv4 when it is IPv4 inside IPv6', () => {
    expect(unmapAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(unmapAddress('::FFFF:192.0.2.1')).toBe('192.0.2.1');
    for (const other of ['192.0.2.1', '2001:db8::1', '::1', '::ffff:c000:201:1', '']) {
      expect(unmapAddress(other)).toBe(other);
    }
  });

  it('is unknown, not an error, once the connection is gone', () => {
    expect(endpointOf({ remoteAddress: undefined, remotePort: undefined })).toEqual({ address: '', port: 0 });
    expect(endpointOf({ remoteAddress: '::ffff:192.0.2.1', remotePort: 5 })).toEqual({ address: '192.0.2.1', port: 5 });
  });
});
