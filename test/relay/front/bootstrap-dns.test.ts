import { resolve4, resolve6 } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaults } from '../../../src/relay/defaults.ts';
import { BootstrapDns } from '../../../src/relay/front/bootstrap-dns.ts';
import { createLog } from '../../../src/relay/log.ts';
import { ask } from '../support/http.ts';
import { startTestRelay } from '../support/test-relay.ts';

vi.mock('node:dns/promises');

/** What the pretended DNS knows; a name that is not there fails. */
let known: Record<string, { v4?: string[]; v6?: string[] }>;

beforeEach(() => {
  known = {
    'both.example': { v4: ['192.0.2.1', '192.0.2.2'], v6: ['2001:db8::1'] },
    'v6.example': { v6: ['2001:db8::2'] },
  };
  const answer = (family: 'v4' | 'v6') => async (name: string) => {
    const found = known[name]?.[family];
    if (found === undefined) throw new Error(`queryA ENOTFOUND ${name}`);
    return found;
  };
  vi.mocked(resolve4).mockImplementation(answer('v4') as unknown as typeof resolve4);
  vi.mocked(resolve6).mockImplementation(answer('v6') as unknown as typeof resolve6);
});

afterEach(() => {
  vi.useRealTimers();
  vi.mocked(resolve4).mockReset();
});

function start(names: string[]) {
  vi.useFakeTimers();
  const lines: string[] = [];
  const dns = new BootstrapDns(
    names,
    createLog('info', (line) => lines.push(line)),
  );
  dns.start();
  return { dns, lines };
}

describe('bootstrap DNS', () => {
  it('has the addresses of both families, and leaves out what does not resolve', async () => {
    const { dns, lines } = start(['both.example', 'v6.example', 'none.example']);
    expect(dns.addresses).toEqual({});
    await vi.advanceTimersByTimeAsync(0);
    expect(dns.addresses).toEqual({
      'both.example': ['192.0.2.1', '192.0.2.2', '2001:db8::1'],
      'v6.example': ['2001:db8::2'],
    });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', event: 'bootstrap_dns_failed', name: 'none.example' });
    dns.stop();
  });

  it('asks again at intervals, and keeps what it knew of a name that fails for once', async () => {
    const { dns } = start(['both.example', 'v6.example']);
    await vi.advanceTimersByTimeAsync(0);
    known = { 'v6.example': { v6: ['2001:db8::9'] } };
    await vi.advanceTimersByTimeAsync(defaults.bootstrapDnsInterval - 1);
    expect(dns.addresses['v6.example']).toEqual(['2001:db8::2']);
    await vi.advanceTimersByTimeAsync(1);
    expect(dns.addresses).toEqual({
      'both.example': ['192.0.2.1', '192.0.2.2', '2001:db8::1'],
      'v6.example': ['2001:db8::9'],
    });
    dns.stop();
    await vi.advanceTimersByTimeAsync(3 * defaults.bootstrapDnsInterval);
    expect(resolve4).toHaveBeenCalledTimes(4);
  });

  it('asks for nothing when it has no names', async () => {
    const { dns } = start([]);
    expect(vi.getTimerCount()).toBe(0);
    expect(resolve4).not.toHaveBeenCalled();
    expect(dns.addresses).toEqual({});
  });

  it('is served as JSON', async () => {
    await using server = await startTestRelay({ bootstrapDnsNames: ['both.example', 'none.example'] });
    const get = async () => JSON.parse((await ask(server.port, 'GET /bootstrap-dns?q=anything')).body);
    await expect.poll(get).toEqual({ 'both.example': ['192.0.2.1', '192.0.2.2', '2001:db8::1'] });
  });
});
