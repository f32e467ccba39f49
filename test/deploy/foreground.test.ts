import { describe, expect, it } from 'vitest';
import { foregroundPlan } from '../../src/deploy/foreground.ts';
import { certificateBaseName, layoutBelow } from '../../src/deploy/layout.ts';
import type { TargetInput } from '../../src/deploy/relay-description.ts';
import type { Step } from '../../src/deploy/steps.ts';

const pin = `sha256-raw:${'cd'.repeat(32)}`;
const layout = layoutBelow('/srv/x');
const input: TargetInput = {
  layout,
  relay: {
    regionId: 900,
    regionCode: 'myderp',
    regionName: 'My DERP',
    nodeName: '900a',
    host: '203.0.113.7',
    derpPort: 8443,
    stunPort: 3478,
    httpPort: -1,
  },
  certificate: {
    certFile: layout.certificate('203.0.113.7'),
    keyFile: layout.certificateKey('203.0.113.7'),
    create: { certPem: 'CERT', keyPem: 'KEY' },
    pin,
  },
  newRelayKey: 'RELAY KEY',
  home: 'default',
  logLevel: 'warn',
  verify: { kind: 'none' },
  access: { allowCidr: null, denyCidr: null, clientRate: null },
  savedAnswers: '{}\n',
};

/** A plan's steps without the contents. */
const outline = (changes: Partial<TargetInput>) =>
  foregroundPlan({ ...input, ...changes }).steps.map((step: Step) =>
    'mode' in step ? `${step.kind} ${step.mode.toString(8)} ${step.path}` : step.kind,
  );

describe('layoutBelow', () => {
  it('has the promised paths', () => {
    const { certificate, certificateKey, programs, runtime, unit, ...paths } = layoutBelow('/');
    expect(paths).toEqual({
      root: '/',
      acmeDirectory: '/var/lib/derp-setup/acme',
      configDirectory: '/etc/derp-setup',
      composeDirectory: '/etc/derp-setup/compose',
      composeFile: '/etc/derp-setup/compose/compose.yaml',
      composeEnvironment: '/etc/derp-setup/compose/.env',
      tailscaledDropIn: '/etc/systemd/system/tailscaled.service.d/derp-setup.conf',
      config: '/etc/derp-setup/config.json',
      certificateDirectory: '/etc/derp-setup/certs',
      proverKeys: '/etc/derp-setup/prover.json',
      derpMap: '/etc/derp-setup/derp-map.json',
      headscaleMap: '/etc/derp-setup/headscale-derp.yaml',
      stateDirectory: '/var/lib/derp-setup',
      nginxBackups: '/etc/derp-setup/nginx-backup',
      relayKey: '/var/lib/derp-setup/derper.key',
      relayConfig: '/etc/derp-setup/relay.json',
      manifest: '/etc/derp-setup/installation.json',
      programsDirectory: '/usr/local/lib/derp-setup',
      currentPrograms: '/usr/local/lib/derp-setup/current',
      launcher: '/usr/local/bin/derp-setup',
      unitDirectory: '/etc/systemd/system',
    });
    expect(programs('1.0.0')).toBe('/usr/local/lib/derp-setup/1.0.0');
    expect(runtime('24.1.0')).toBe('/usr/local/lib/derp-setup/node/24.1.0/node');
    expect(unit('derp-relay.service')).toBe('/etc/systemd/system/derp-relay.service');
    expect(certificate('derp.example.com')).toBe('/etc/derp-setup/certs/derp.example.com.crt');
    expect(certificateKey('203.0.113.7')).toBe('/etc/derp-setup/certs/203.0.113.7.key');
  });

  it('spells hosts in file names as derper does', () => {
    expect(certificateBaseName('2001:db8::7')).toBe('2001db87');
    expect(certificateBaseName('../etc/x')).toBe('..etcx');
  });
});

describe('foregroundPlan', () => {
  it('writes keys for the owner alone, and everything else for all', () => {
    expect(outline({})).toEqual([
      'directory 755 /srv/x/etc/derp-setup',
      'directory 700 /srv/x/var/lib/derp-setup',
      'file 600 /srv/x/var/lib/derp-setup/derper.key',
      'directory 755 /srv/x/etc/derp-setup/certs',
      'file 600 /srv/x/etc/derp-setup/certs/203.0.113.7.key',
      'file 644 /srv/x/etc/derp-setup/certs/203.0.113.7.crt',
      'file 644 /srv/x/etc/derp-setup/derp-map.json',
      'file 644 /srv/x/etc/derp-setup/headscale-derp.yaml',
      'file 644 /srv/x/etc/derp-setup/config.json',
    ]);
  });

  it('marks as secret exactly what only the owner may read', () => {
    for (const step of foregroundPlan(input).steps) {
      if (step.kind === 'file') expect(step.secret, step.path).toBe(step.mode === 0o600);
    }
  });

  it('writes no key and no certificate where they are already', () => {
    const { newRelayKey: _, ...rest } = input;
    const { create: __, ...certificate } = input.certificate;
    const steps = foregroundPlan({ ...rest, certificate }).steps;
    expect(steps.some((step) => 'path' in step && /\.(key|crt)$/.test(step.path))).toBe(false);
  });

  it('starts and probes the very relay that the map describes', () => {
    const { relay, probe, derpMap } = foregroundPlan(input);
    expect(relay).toMatchObject({
      listen: { host: null, port: 8443 },
      httpPort: -1,
      stunPort: 3478,
      hostname: '203.0.113.7',
      keyFile: '/srv/x/var/lib/derp-setup/derper.key',
      certificate: { certFile: '/srv/x/etc/derp-setup/certs/203.0.113.7.crt' },
    });
    expect(probe).toEqual({ host: '203.0.113.7', derpPort: 8443, stunPort: 3478, httpPort: -1, pin });
    expect(derpMap.Regions['900']!.Nodes[0]).toMatchObject({ HostName: '203.0.113.7', DERPPort: 8443, CertName: pin });
  });

  it('probes where the map sends clients, and trusts what it is told to', () => {
    const { probe } = foregroundPlan({
      ...input,
      relay: { ...input.relay, host: 'derp.example.com', ipv4: '203.0.113.7', ipv6: 'none' },
      certificate: { certFile: '/c', keyFile: '/k', extraCa: 'CHAIN' },
    });
    expect(probe).toMatchObject({ host: 'derp.example.com', addresses: ['203.0.113.7'], extraCa: 'CHAIN' });
    expect(probe).not.toHaveProperty('pin');
  });
});
