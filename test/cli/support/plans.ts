/** Plans with everything in them that is told in a way of its own, as previewed on machines that are made up. */
import { publicFileStep, type Step, secretFileStep } from '../../../src/deploy/steps.ts';
import type { PreviewedStep } from '../../../src/setup/preview.ts';

const previewed = (step: Step, finding: Partial<PreviewedStep['finding']> = {}): PreviewedStep => ({
  step,
  finding: { change: 'create', ...finding },
});

/** A file that is not there yet. */
export const newFile = (path: string, content: string, purpose: Parameters<typeof publicFileStep>[0] = 'config') =>
  previewed(publicFileStep(purpose, path, content), { before: '', after: content });

/** A file whose text changes. */
export const changedFile = (
  path: string,
  before: string,
  after: string,
  more: Partial<PreviewedStep['finding']> = {},
) => previewed(publicFileStep('config', path, after), { change: 'change', before, after, ...more });

const SERVICE: Step = {
  kind: 'service',
  unit: 'derp-relay.service',
  restartFor: [],
  reloadFor: [],
  derpPort: 443,
};
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** A first installation, in the order in which its steps are taken. */
export const firstRun: readonly PreviewedStep[] = [
  previewed({ kind: 'directory', path: '/etc/derp-setup', mode: 0o755 }),
  newFile('/etc/derp-setup/installation.json', '{}\n', 'manifest'),
  previewed({ kind: 'user', name: 'derp-relay', home: '/var/lib/derp-setup' }),
  previewed(
    { kind: 'programs', from: '/root/package', parts: [], path: '/usr/local/lib/derp-setup/1.0.0', version: '1.0.0' },
    { details: ['12', '1200000'] },
  ),
  previewed({ kind: 'link', path: '/usr/local/lib/derp-setup/current', target: '1.0.0' }),
  newFile('/usr/local/bin/derp-setup', '#!/bin/sh\n', 'launcher'),
  previewed({ kind: 'directory', path: '/var/lib/derp-setup', mode: 0o700 }),
  previewed(secretFileStep('relay-key', '/var/lib/derp-setup/derper.key', 'privkey:secret'), {}),
  previewed({ kind: 'directory', path: '/etc/derp-setup/certs', mode: 0o755 }),
  previewed(secretFileStep('certificate-key', '/etc/derp-setup/certs/h.key', 'PRIVATE KEY'), {}),
  newFile('/etc/derp-setup/certs/h.crt', CERTIFICATE + CERTIFICATE, 'certificate'),
  newFile('/etc/derp-setup/config.json', '{}\n'),
  newFile('/etc/systemd/system/derp-relay.service', '[Unit]\n', 'unit'),
  previewed({ kind: 'enable', unit: 'derp-relay.service' }, { change: 'run' }),
  previewed({ kind: 'firewall', tool: 'ufw', openings: [{ protocol: 'tcp', port: 443 }] }, { change: 'run' }),
  previewed(SERVICE, { change: 'run', details: ['start'] }),
];

/** A port of an installed relay is changed, and somebody had changed the unit by hand. */
export const changedPort: readonly PreviewedStep[] = [
  changedFile('/etc/derp-setup/config.json', '{\n  "derpPort": 443\n}\n', '{\n  "derpPort": 8443\n}\n'),
  changedFile('/etc/derp-setup/relay.json', '{\n  "port": 443\n}\n', '{\n  "port": 8443\n}\n'),
  changedFile('/etc/systemd/system/derp-relay.service', 'a\nb\n', 'a\nc\n', { editedByHand: true }),
  previewed(SERVICE, { change: 'run', details: ['restart'] }),
];

/** Everything is removed but the files by which clients know the relay. */
export const removal: readonly PreviewedStep[] = [
  previewed({ kind: 'disable', unit: 'derp-relay.service' }, { change: 'run' }),
  previewed({ kind: 'remove', what: 'file', path: '/usr/local/bin/derp-setup' }, { change: 'run' }),
  previewed({ kind: 'reload-units' }, { change: 'run' }),
  previewed({ kind: 'remove', what: 'tree', path: '/usr/local/lib/derp-setup' }, { change: 'run' }),
  previewed(
    {
      kind: 'owner',
      purpose: 'certificate',
      path: '/etc/derp-setup/certs/h.crt',
      mode: 0o600,
      owner: { user: 'root', group: 'root' },
    },
    { change: 'change' },
  ),
  previewed(
    {
      kind: 'owner',
      purpose: 'relay-key',
      path: '/var/lib/derp-setup/derper.key',
      mode: 0o600,
      owner: { user: 'root', group: 'root' },
    },
    { change: 'change' },
  ),
  previewed({ kind: 'remove-user', name: 'derp-relay' }, { change: 'run' }),
];
