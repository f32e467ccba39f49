/** Orders at a real authority: names and addresses, by both challenges, with everything that makes them stumble. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { order } from './support/issuing.ts';
import { type Pebble, startPebble } from './support/pebble.ts';

let pebble: Pebble;
beforeAll(async () => {
  pebble = await startPebble({ badNonces: 15 });
});
afterAll(() => pebble.stop());

const DAY_MS = 24 * 3600 * 1000;

describe.each(['http-01', 'tls-alpn-01'] as const)('by %s', (challenge) => {
  it.each([
    ['a name', 'derp.example.com', [6, 90], 'DNS:derp.example.com'],
    ['an IPv4 address', '127.0.0.1', [6], 'IP Address:127.0.0.1'],
    ['an IPv6 address', '::1', [6], 'IP Address:0:0:0:0:0:0:0:1'],
  ])('%s gets a certificate', async (_, host, days, names) => {
    const { certPem, keyPem, profile } = await order(pebble, { host, challenge });
    const leaf = new X509Certificate(certPem);
    expect(leaf.subjectAltName).toBe(names);
    expect(leaf.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    const lifetime = new Date(leaf.validTo).getTime() - new Date(leaf.validFrom).getTime();
    // Pebble takes any of its profiles where none is asked for.
    expect(days).toContain(Math.round(lifetime / DAY_MS));
    expect(profile).toBe(days.length === 1 ? 'shortlived' : undefined);
    const chain = certPem.match(/-----BEGIN CERTIFICATE-----/g);
    expect(chain?.length).toBeGreaterThan(1);
  });
});
