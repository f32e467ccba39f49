import { describe, expect, it } from 'vitest';
import { connectOptions, readSettings } from '../../src/probe/settings.ts';
import { generateKeyPair } from '../../src/protocol/keys.ts';

const pin = `sha256-raw:${'ab'.repeat(32)}`;

describe('readSettings', () => {
  it('has the usual ports, and two keys that differ', () => {
    const settings = readSettings({ host: 'relay.example' });
    expect(settings).toMatchObject({ derpPort: 443, stunPort: 3478, httpPort: 80, tls: true, packets: 100 });
    expect(settings.addresses).toBeUndefined();
    expect(settings.trust).toEqual({ kind: 'ca' });
    expect(settings.keyPairs[0].publicKey).not.toEqual(settings.keyPairs[1].publicKey);
  });

  it('takes keys, addresses and trust as given', () => {
    const keys = [generateKeyPair(), generateKeyPair()] as const;
    const settings = readSettings({
      host: 'relay.example',
      addresses: ['192.0.2.1'],
      clientKeys: [keys[0].privateKey, keys[1].privateKey],
      pin,
    });
    expect(settings.keyPairs.map(({ publicKey }) => publicKey)).toEqual(keys.map(({ publicKey }) => publicKey));
    expect(settings.trust).toEqual({ kind: 'pin', pin });
    expect(connectOptions(settings, ['192.0.2.1'])).toMatchObject({ isProber: true, addresses: ['192.0.2.1'] });
    expect(readSettings({ host: 'x', extraCa: 'PEM' }).trust).toEqual({ kind: 'ca', extraCa: 'PEM' });
    expect(readSettings({ host: 'x', addresses: [] }).addresses).toBeUndefined();
  });

  it.each([
    [{ pin: pin.toUpperCase() }],
    [{ packets: 0 }],
    [{ packets: 1.5 }],
    [{ packetBytes: 7 }],
    [{ packetBytes: 65_537 }],
  ])('refuses %j', (options) => {
    expect(() => readSettings({ host: 'relay.example', ...options })).toThrow(RangeError);
  });
});
