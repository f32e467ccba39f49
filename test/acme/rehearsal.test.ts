/** An order of a trial directory, as a dry run makes it: it is carried out to the end, and nothing of it stays. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CertificateOrder } from '../../src/deploy/steps.ts';
import { rehearseOrder } from '../../src/setup/certificate/issue.ts';
import { portState } from '../../src/system/ports.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { type Pebble, startPebble } from './support/pebble.ts';

let trial: Pebble;
beforeAll(async () => {
  trial = await startPebble();
  (globalThis as { __VERSION__?: string }).__VERSION__ = '0.0.0-test';
});
afterAll(() => trial.stop());

it('is carried out without a file', async () => {
  const root = temporaryDirectory();
  const bundle = join(temporaryDirectory(), 'ca.pem');
  writeFileSync(bundle, trial.authority);
  const order: CertificateOrder = {
    host: '127.0.0.1',
    directoryUrl: 'https://ca.invalid/directory',
    derpPort: trial.tlsPort,
    httpPort: trial.httpPort,
    acmeDirectory: root,
    expected: { authority: 'ca.invalid', challenge: 'http-01' },
  };
  const use = { environment: { SSL_CERT_FILE: bundle }, signal: AbortSignal.timeout(60_000) };
  const issued = await rehearseOrder(order, trial.directoryUrl, use);
  expect(issued?.certPem).toContain('BEGIN CERTIFICATE');
  expect(treeOf(root)).toEqual({});
  expect(await portState('tcp', trial.httpPort)).toBe('free');
});
