import { describe, expect, it } from 'vitest';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { readCounters } from '../../../src/setup/status/counters.ts';
import type { Installed, RelaySettings } from '../../../src/setup/status/installed.ts';
import { type ServiceStatus, type StatusFacts, statusOf } from '../../../src/setup/status/status.ts';

const now = new Date('2026-11-21T12:00:00Z');
const inDays = (days: number) => new Date(now.getTime() + days * 86_400_000);
const layout = layoutBelow('/');
const missing = (path: string) => ({ state: 'missing', path }) as const;

const installed: Installed = {
  layout,
  target: 'systemd',
  onMachine: true,
  answers: missing(layout.config),
  relay: missing(layout.relayConfig),
  derpMap: missing(layout.derpMap),
  manifest: missing(layout.manifest),
  version: '1.0.0',
};
const service: ServiceStatus = {
  unit: 'derp-relay.service',
  found: true,
  active: 'active',
  subState: 'running',
  enabled: true,
  pid: 7,
  since: inDays(-12),
  restarts: 0,
  exitStatus: undefined,
};
const relay = readCounters({ version: '1.0.0', uptime_seconds: 5, public_key: 'aa', clients: 3 });
const serving: StatusFacts = {
  now,
  ownVersion: '1.1.0',
  installed,
  service,
  container: undefined,
  renewal: { active: true, next: inDays(1), failed: false, failure: undefined },
  certificate: { mode: 'manual', notAfter: inDays(5.5), source: 'served' },
  relay,
  traffic: undefined,
  unreadable: [],
};
const foreground: StatusFacts = { ...serving, service: undefined, installed: { ...installed, target: 'foreground' } };

/** In a container that is well. */
const contained: StatusFacts = {
  ...serving,
  service: undefined,
  installed: { ...installed, target: 'compose' },
  container: {
    name: 'derp-relay',
    found: true,
    status: 'running',
    health: 'healthy',
    image: 'node:24-bookworm-slim',
    startsAtBoot: true,
    pid: 812,
    since: inDays(-1),
    restarts: 0,
    exitStatus: undefined,
  },
};

describe('the status of a container', () => {
  it('is fine while the relay in it answers', () => {
    expect(statusOf(contained)).toMatchObject({ ok: true, container: { status: 'running' }, service: undefined });
    expect(statusOf({ ...contained, relay: undefined }).shortcomings).toEqual(['relay-silent']);
  });

  it.each([
    [{ found: false, status: '' }, 'container-missing'],
    [{ status: 'exited' }, 'container-stopped'],
    [{ status: 'paused' }, 'container-stopped'],
    [{ status: 'restarting' }, 'container-restarting'],
  ])('%j: %s', (changes, shortcoming) => {
    const facts = { ...contained, relay: undefined, container: { ...contained.container!, ...changes } };
    expect(statusOf(facts).shortcomings).toEqual([shortcoming]);
  });
});

describe('the status', () => {
  it('is fine for a relay that serves', () => {
    expect(statusOf(serving)).toMatchObject({
      ok: true,
      shortcomings: [],
      versions: { own: '1.1.0', installed: '1.0.0', running: '1.0.0' },
      certificate: { daysLeft: 5 },
    });
    expect(statusOf(foreground)).toMatchObject({ ok: true });
  });

  it.each<[string, StatusFacts, string[]]>([
    [
      'a service that ended',
      { ...serving, service: { ...service, active: 'failed' }, relay: undefined },
      ['service-stopped'],
    ],
    ['a service that was stopped', { ...serving, service: { ...service, active: 'inactive' } }, ['service-stopped']],
    [
      'a service that starts again and again',
      { ...serving, service: { ...service, active: 'activating', subState: 'auto-restart' } },
      ['service-restarting'],
    ],
    ['a service that is gone', { ...serving, service: { ...service, found: false } }, ['service-missing']],
    ['a relay that does not answer', { ...serving, relay: undefined }, ['relay-silent']],
    [
      'a relay that does not answer, without systemd',
      { ...serving, service: undefined, relay: undefined },
      ['relay-silent'],
    ],
    ['a relay in the foreground that has ended', { ...foreground, relay: undefined }, ['foreground-ended']],
    [
      'a certificate that has ended',
      { ...serving, certificate: { mode: 'manual', notAfter: inDays(-1), source: 'served' } },
      ['certificate-ended'],
    ],
    ['files for another machine', { ...serving, installed: { ...installed, onMachine: false } }, ['prepared-only']],
  ])('names %s', (_, facts, codes) => {
    expect(statusOf(facts)).toMatchObject({ ok: false, shortcomings: codes });
  });

  it('says how clients are admitted: by the relay, else by its settings, else not at all', () => {
    const told = (admission: string[] | undefined) => ({ ...relay, admission });
    expect(statusOf({ ...serving, relay: told([]) }).admission).toEqual(['none']);
    expect(statusOf({ ...serving, relay: told(['tailscaled']) }).admission).toEqual(['tailscaled']);
    expect(statusOf({ ...serving, relay: told(undefined) }).admission).toBeUndefined();
    const settings: RelaySettings = {
      hostname: 'h',
      derpPort: 443,
      httpPort: 80,
      stunPort: 3478,
      home: 'default',
      keyFile: '/k',
      behind: { derp: false, http: false },
      certificate: null,
      admission: { keyFile: '/keys', url: { url: 'https://h/verify', failOpen: false } },
      allowCidr: null,
      denyCidr: null,
      proxyProtocolFrom: [],
    };
    const withSettings = { ...installed, relay: { state: 'read', path: '', value: settings } } as const;
    expect(statusOf({ ...serving, relay: undefined, installed: withSettings }).admission).toEqual(['key_file', 'url']);
  });
});
