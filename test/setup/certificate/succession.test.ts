import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import type { Answers } from '../../../src/setup/answers/questions.ts';
import { nextPaths } from '../../../src/setup/certificate/next.ts';
import { nodeEntry } from '../../../src/setup/certificate/node.ts';
import { previousName, restorePair, writePair } from '../../../src/setup/certificate/store.ts';
import { judgeSuccession, prepareSuccession } from '../../../src/setup/certificate/succession.ts';
import { readText } from '../../../src/system/files.ts';
import { temporaryDirectory, treeOf } from '../../temporary.ts';

const HOST = '203.0.113.7';
const DAY_MS = 24 * 3600 * 1000;
const now = new Date();
const inDays = (days: number) => new Date(now.getTime() + days * DAY_MS);

let layout: ReturnType<typeof layoutBelow>;
beforeEach(() => {
  layout = layoutBelow(temporaryDirectory());
  mkdirSync(layout.certificateDirectory, { recursive: true });
});

/** Puts a certificate in place that has so many days left. */
async function leave(days: number) {
  const made = await makeSelfSignedCertificate(HOST, inDays(days - 365));
  writeFileSync(layout.certificate(HOST), made.certPem);
  writeFileSync(layout.certificateKey(HOST), made.keyPem);
  return made;
}

describe('what is done about a self-signed certificate', () => {
  const nothing = { hasNext: false, wantsSwitch: false, wantsNext: false };
  const ends = (days: number) => ({ notAfter: inDays(days) });

  it.each([
    ['nothing while it is good', 200, nothing, 'keep'],
    ['a next one is made from 30 days before its end', 29, nothing, 'prepare'],
    ['a next one is made when that is asked for', 200, { ...nothing, wantsNext: true }, 'prepare'],
    ['one that was made is told of', 200, { ...nothing, hasNext: true }, 'prepare'],
    ['it is switched on command', 20, { ...nothing, hasNext: true, wantsSwitch: true }, 'switch'],
    ['it is switched on command although none was made yet', 20, { ...nothing, wantsSwitch: true }, 'switch'],
    ['there is nothing to switch to while it is good', 200, { ...nothing, wantsSwitch: true }, 'nothing-to-switch'],
    ['it is switched by itself on the last day', 0.9, nothing, 'switch'],
    ['and when it has ended', -3, nothing, 'switch'],
  ] as const)('%s', (_, days, wishes, expected) => {
    expect(judgeSuccession(ends(days), wishes, now)).toBe(expected);
  });

  it('without a certificate a new one is served', () => {
    expect(judgeSuccession(undefined, nothing, now)).toBe('switch');
  });
});

describe('the next certificate', () => {
  const wishes = { wantsSwitch: false, wantsNext: false };

  it('is made once, for root alone, and the one that is served stays', async () => {
    const { pin } = await leave(20);
    const first = await prepareSuccession(layout, HOST, wishes, now);
    if (first.kind !== 'ready') throw new Error(first.kind);
    expect(first.now.pin).toBe(pin);
    expect(first.next.pin).not.toBe(pin);
    expect(first.switchAt.getTime()).toBe(first.now.notAfter.getTime() - DAY_MS);
    expect(statSync(nextPaths(layout, HOST).keyFile).mode & 0o777).toBe(0o600);
    const again = await prepareSuccession(layout, HOST, wishes, now);
    expect(again).toMatchObject({ kind: 'ready', next: { pin: first.next.pin } });
    const last = await prepareSuccession(layout, HOST, wishes, inDays(19.5));
    expect(last).toMatchObject({ kind: 'switch', next: { pin: first.next.pin } });
  });

  it('is not made before its time', async () => {
    await leave(200);
    const before = treeOf(layout.certificateDirectory);
    expect((await prepareSuccession(layout, HOST, wishes, now)).kind).toBe('good');
    expect(treeOf(layout.certificateDirectory)).toEqual(before);
  });

  it('is none any more once a setup has put it in its place', async () => {
    await leave(20);
    await prepareSuccession(layout, HOST, wishes, now);
    const { certFile, keyFile } = nextPaths(layout, HOST);
    copyFileSync(certFile, layout.certificate(HOST));
    copyFileSync(keyFile, layout.certificateKey(HOST));
    expect((await prepareSuccession(layout, HOST, wishes, now)).kind).toBe('good');
    expect([certFile, keyFile].filter((path) => existsSync(path))).toEqual([]);
    const again = await prepareSuccession(layout, HOST, { ...wishes, wantsSwitch: true }, now);
    expect(again.kind).toBe('nothing-to-switch');
  });

  it('has a node entry that differs by the pin alone', () => {
    const answers = { host: HOST, derpPort: 443, httpPort: 80, stunPort: 3478, regionId: 900, nodeName: '900a' };
    const more = { regionCode: 'a', regionName: 'A', ipv4: undefined, ipv6: undefined };
    const entry = (pin: string) => nodeEntry({ ...answers, ...more } as Answers, `sha256-raw:${pin}`);
    const [one, other] = [entry('aa'), entry('bb')];
    expect(one.CertName).toBe('sha256-raw:aa');
    expect({ ...one, CertName: undefined }).toEqual({ ...other, CertName: undefined });
  });
});

describe('a pair of files', () => {
  const paths = () => ({ certFile: layout.certificate(HOST), keyFile: layout.certificateKey(HOST) });
  const modes = { certMode: 0o644, keyMode: 0o600, owner: undefined };

  it('is written with the right modes, and the one before can be put back', async () => {
    const old = await leave(100);
    const fresh = await makeSelfSignedCertificate(HOST);
    await writePair(paths(), fresh, modes);
    expect(await readText(paths().certFile)).toBe(fresh.certPem);
    expect(await readText(previousName(paths().certFile))).toBe(old.certPem);
    expect(statSync(paths().keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(paths().certFile).mode & 0o777).toBe(0o644);
    expect(await restorePair(paths())).toBe(true);
    expect(await readText(paths().certFile)).toBe(old.certPem);
    expect(await readText(paths().keyFile)).toBe(old.keyPem);
  });

  it('has none before it the first time', async () => {
    await writePair(paths(), await makeSelfSignedCertificate(HOST), modes);
    expect(await restorePair(paths())).toBe(false);
  });
});
