import { describe, expect, it } from 'vitest';
import { type Lookup, resolveName } from '../../src/system/resolve-name.ts';

/** Stands for name servers, of which there are none where these tests run. */
const answering =
  (...addresses: string[]): Lookup =>
  async () =>
    addresses.map((address) => ({ address }));
const failing =
  (code: string): Lookup =>
  () =>
    Promise.reject(Object.assign(new Error(code), { code }));

describe('resolveName', () => {
  it('leads addresses to themselves without asking anybody', async () => {
    const find = failing('asked');
    expect(await resolveName('203.0.113.7', { find })).toEqual({ ipv4: ['203.0.113.7'], ipv6: [] });
    expect(await resolveName('2001:db8::7', { find })).toEqual({ ipv4: [], ipv6: ['2001:db8::7'] });
  });

  it("knows this machine's hosts file", async () => {
    const { ipv4, ipv6, failure } = await resolveName('localhost');
    expect([...ipv4, ...ipv6]).toEqual(expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]));
    expect(failure).toBeUndefined();
  });

  it('sorts the addresses by family, each once', async () => {
    const find = answering('2001:db8::7', '203.0.113.7', '203.0.113.7', '203.0.113.8');
    expect(await resolveName('derp.example.com', { find })).toEqual({
      ipv4: ['203.0.113.7', '203.0.113.8'],
      ipv6: ['2001:db8::7'],
    });
  });

  it.each([
    ['ENOTFOUND', 'not-found'],
    ['ENODATA', 'not-found'],
    ['EINVAL', 'not-found'],
    ['EAI_AGAIN', 'no-answer'],
    ['EAI_FAIL', 'no-answer'],
  ])('calls %s %s', async (code, failure) => {
    expect(await resolveName('derp.example.com', { find: failing(code) })).toEqual({ ipv4: [], ipv6: [], failure });
  });

  it('calls a name without addresses not found', async () => {
    expect((await resolveName('derp.example.com', { find: answering() })).failure).toBe('not-found');
  });

  it('does not wait for name servers that are silent', async () => {
    const silent: Lookup = () => new Promise(() => {});
    expect(await resolveName('derp.example.com', { find: silent, timeoutMs: 20 })).toEqual({
      ipv4: [],
      ipv6: [],
      failure: 'no-answer',
    });
  });
});
