import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshMemory, type OrderMemory, withFailure } from '../../../src/cert/acme/attempts.ts';
import { LETS_ENCRYPT } from '../../../src/cert/acme/directory.ts';
import { openStore } from '../../../src/cert/acme/store.ts';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import {
  judgeRenewalFailure,
  type RenewalRun,
  rememberedOrders,
} from '../../../src/setup/certificate/renewal-failure.ts';
import { readInstalled } from '../../../src/setup/status/installed.ts';
import { writeFileAtomic } from '../../../src/system/files.ts';
import { temporaryDirectory } from '../../temporary.ts';
import { makeChain } from './authority.ts';

const HOST = 'derp.example.com';
const now = new Date();
const inHours = (hours: number) => new Date(now.getTime() + hours * 3600 * 1000);

const fresh = freshMemory(HOST, LETS_ENCRYPT);
const failedAt = (hours: number, more: { retryAt?: Date; reason?: 'connection' | 'not-served' } = {}): OrderMemory =>
  withFailure(fresh, { at: inHours(hours), reason: 'connection', detail: 'Timeout', ...more });
const timerNext = inHours(6);
const went: RenewalRun = { failed: false, endedAt: inHours(-2), timerNext, journal: [] };
const failed: RenewalRun = { ...went, failed: true };
const judge = (run: RenewalRun, memory: OrderMemory | undefined, leaf?: X509Certificate) =>
  judgeRenewalFailure({ run, memory, leaf, now });

describe('the reason of a failed renewal', () => {
  it('is none where all went well', () => {
    expect(judge(went, undefined)).toBeUndefined();
    expect(judge(went, fresh)).toBeUndefined();
  });

  it('is what the authority said, also when systemd has forgotten the run', () => {
    const rule = { code: 'authority', reason: 'connection', detail: 'Timeout', host: HOST };
    const problem = { subject: 'acme-v02.api.letsencrypt.org', rule };
    expect(judge(failed, failedAt(-2.1))).toMatchObject({ at: inHours(-2.1), problem, said: undefined, isDue: true });
    expect(judge(went, failedAt(-2.1))).toMatchObject({ problem });
  });

  it('is the failure that made the last run wait', () => {
    const memory = failedAt(-14, { retryAt: inHours(10) });
    expect(judge(failed, memory)).toMatchObject({ at: inHours(-14), next: inHours(10) });
  });

  it('is what the run said when the last order had kept it from nothing', () => {
    const journal = [
      'derp-setup: no certificate: an older one',
      'derp-setup: no certificate: no address',
      '  → mend it',
    ];
    const found = judge({ ...failed, journal }, failedAt(-14));
    expect(found).toMatchObject({ at: failed.endedAt, problem: undefined, said: 'no certificate: no address' });
    expect(judge({ ...failed, journal }, undefined)).toMatchObject({ said: 'no certificate: no address' });
    expect(judge(failed, undefined)).toMatchObject({ said: undefined, next: timerNext });
  });

  it('is a person’s failure since', () => {
    expect(judge(failed, failedAt(-1))).toMatchObject({ at: inHours(-1) });
  });

  it('is that the relay did not take the certificate up', () => {
    const found = judge(failed, failedAt(-2.1, { reason: 'not-served' }));
    expect(found?.problem).toEqual({ subject: HOST, rule: { code: 'not-served', detail: 'Timeout' } });
  });
});

describe('the next try', () => {
  it('is the timer’s, but not before the wait is over', () => {
    expect(judge(failed, failedAt(-2.1))?.next).toEqual(timerNext);
    expect(judge(failed, failedAt(-2.1, { retryAt: inHours(30) }))?.next).toEqual(inHours(30));
  });

  it('is nobody’s while the timer does not run', () => {
    expect(judge({ ...failed, timerNext: undefined }, failedAt(-2.1))).toHaveProperty('next', undefined);
  });

  it('is when the certificate is due, where it was ordered before its time', async () => {
    const { leaf } = await makeChain({ type: 'dns', value: HOST });
    const certificate = new X509Certificate(leaf);
    const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    const found = judge(went, failedAt(-2.1), certificate);
    expect(found).toMatchObject({ isDue: false, next: new Date(to - (to - from) / 3) });
    const { certPem } = await makeSelfSignedCertificate(HOST);
    expect(judge(went, failedAt(-2.1), new X509Certificate(certPem))).toMatchObject({ isDue: true, next: timerNext });
  });
});

describe('what is remembered of an installation', () => {
  async function install(answers: object) {
    const layout = layoutBelow(temporaryDirectory());
    mkdirSync(layout.acmeDirectory, { recursive: true, mode: 0o750 });
    mkdirSync(dirname(layout.config), { recursive: true });
    await writeFileAtomic(layout.config, JSON.stringify({ version: 1, answers: { host: HOST, ...answers } }));
    const node = { Name: '900a', RegionID: 900, HostName: HOST };
    const region = { RegionID: 900, RegionCode: 'x', RegionName: 'X', Nodes: [node] };
    await writeFileAtomic(layout.derpMap, JSON.stringify({ Regions: { '900': region } }));
    await openStore(layout.acmeDirectory).writeMemory(failedAt(-2));
    return layout;
  }

  it('is read where certificates are ordered', async () => {
    const layout = await install({ cert: 'letsencrypt' });
    expect(await rememberedOrders(await readInstalled(layout))).toEqual(failedAt(-2));
    const other = await install({ cert: 'letsencrypt', acmeDirectory: 'https://ca.example.com/dir' });
    expect((await rememberedOrders(await readInstalled(other)))?.failures).toEqual([]);
  });

  it('is nothing for other certificates, and nothing from a folder that others can write to', async () => {
    expect(await rememberedOrders(await readInstalled(await install({ cert: 'self-signed' })))).toBeUndefined();
    const layout = await install({ cert: 'letsencrypt' });
    chmodSync(layout.acmeDirectory, 0o777);
    expect(await rememberedOrders(await readInstalled(layout))).toBeUndefined();
  });
});
