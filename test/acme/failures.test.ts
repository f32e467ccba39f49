/** Orders that fail at a real authority: told by cause, remembered where that matters, and nothing is left behind. */
import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchDirectory } from '../../src/cert/acme/fetch-directory.ts';
import { OrderError } from '../../src/cert/acme/obstacle.ts';
import { fetchRenewalInfo, renewalName } from '../../src/cert/acme/renewal-info.ts';
import { type AcmeStore, openStore } from '../../src/cert/acme/store.ts';
import { portState } from '../../src/system/ports.ts';
import { temporaryDirectory, treeOf } from '../temporary.ts';
import { contextFor, order, type TestOrder } from './support/issuing.ts';
import { freePorts, type Pebble, startPebble } from './support/pebble.ts';

const MAC_KEY = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';

let pebble: Pebble;
beforeAll(async () => {
  pebble = await startPebble({ blocked: ['blocked.example.com'], badNonces: 10 });
});
afterAll(() => pebble.stop());

/** The obstacle of an order that must fail. */
async function failure(wanted: TestOrder, context: Parameters<typeof order>[2] = {}, at = pebble) {
  const error = await order(at, wanted, context).then(
    () => new Error('a certificate was issued'),
    (cause: Error) => cause,
  );
  if (!(error instanceof OrderError)) throw error;
  return error.obstacle;
}

/** The authority as it is, but looking for answers where they are not. */
async function lookingElsewhere(): Promise<{ misled: Pebble; elsewhere: number }> {
  const [httpPort, tlsPort] = (await freePorts(2)) as [number, number];
  return { misled: { ...pebble, httpPort, tlsPort }, elsewhere: pebble.httpPort };
}

describe('a validation that fails', () => {
  it.each(['http-01', 'tls-alpn-01'] as const)('%s: nobody answers where the authority looks', async (challenge) => {
    const { misled } = await lookingElsewhere();
    const obstacle = await failure({ challenge }, {}, misled);
    expect(obstacle).toMatchObject({ code: 'authority', stage: 'validation', host: 'derp.example.com', challenge });
    expect(['connection', 'wrong-answer']).toContain((obstacle as { reason: string }).reason);
  });

  it('another server answers there', async () => {
    const { misled, elsewhere } = await lookingElsewhere();
    const other: Server = createServer((_, response) => response.end('something else')).listen(elsewhere);
    try {
      expect(await failure({}, {}, misled)).toMatchObject({ reason: 'wrong-answer', stage: 'validation' });
    } finally {
      other.close();
    }
  });

  it('is not even begun where we do not find our own answer', async () => {
    const before = pebble.log().length;
    const [silent] = (await freePorts(1)) as [number];
    const folder = temporaryDirectory();
    const error = await order(pebble, {}, { challengeFolder: folder }).catch((cause) => cause);
    expect(error).not.toBeInstanceOf(Error);
    const { issueCertificate } = await import('../../src/cert/acme/issue.ts');
    const context = contextFor(pebble, {
      challengeFolder: folder,
      looks: { resolve: async () => ({ ipv4: ['127.0.0.1'], ipv6: [] }), caa: async () => undefined, local: () => [] },
    });
    const way = { challenge: 'http-01', by: 'relay', port: silent, outerPort: silent } as const;
    const input = { host: 'derp.example.com', directoryUrl: pebble.directoryUrl, way, asker: 'person' } as const;
    const refused = await issueCertificate(input, context).catch((cause) => cause);
    expect(refused.obstacle).toMatchObject({ code: 'address-obstacle', obstacle: { code: 'silent-here' } });
    expect(pebble.log().slice(before)).not.toContain('set INVALID');
    // The answer was there for a moment, and is gone.
    expect(Object.keys(treeOf(folder)).filter((name) => /acme-challenge\/./.test(name))).toEqual([]);
  });

  it('by a record that leads to another machine is named by that address', async () => {
    const addresses = { ipv4: ['127.0.0.1'], ipv6: ['2001:db8::9'] };
    const obstacle = await failure({ addresses });
    expect(obstacle).toMatchObject({
      code: 'address-obstacle',
      obstacle: { code: 'leads-elsewhere', address: '2001:db8::9' },
    });
  });
});

describe('an order that is refused', () => {
  it('because of the name', async () => {
    const obstacle = await failure({ host: 'blocked.example.com' });
    expect(obstacle).toMatchObject({ code: 'authority', reason: 'identifier-refused', stage: 'order' });
  });

  it('by CAA records, before it is made', async () => {
    const caa = async (name: string) =>
      name === 'example.com' ? [{ critical: 0, issue: 'other.example' }] : undefined;
    const looks = { resolve: async () => ({ ipv4: ['127.0.0.1'], ipv6: [] }), caa, local: () => [] };
    expect(await failure({}, { looks })).toMatchObject({
      code: 'caa-forbids',
      obstacle: { name: 'example.com', allowed: ['other.example'] },
    });
  });
});

describe('an authority that wants an external account', () => {
  let strict: Pebble;
  beforeAll(async () => {
    strict = await startPebble({ externalAccounts: { 'kid-1': MAC_KEY } });
  });
  afterAll(() => strict.stop());

  it('is told of one, or the order is not made', async () => {
    expect(await failure({}, {}, strict)).toMatchObject({ code: 'needs-external-account' });
    const wrong = { keyId: 'kid-1', macKey: Buffer.from('wrong'.repeat(8)).toString('base64url') };
    expect(await failure({ externalAccount: wrong }, {}, strict)).toMatchObject({ reason: 'external-account-refused' });
    const store = openStore(temporaryDirectory());
    const right = { keyId: 'kid-1', macKey: MAC_KEY };
    await order(strict, { externalAccount: right }, { store });
    // From then on the account is known, and the key not needed.
    expect((await order(strict, {}, { store })).certPem).toContain('BEGIN CERTIFICATE');
  });
});

describe('an authority that takes its time', () => {
  it('is waited for', async () => {
    const slow = await startPebble({ sleep: 4 });
    try {
      expect((await order(slow)).certPem).toContain('BEGIN CERTIFICATE');
    } finally {
      await slow.stop();
    }
  });

  it('but not for ever, and not after Ctrl-C; the port is free again', async () => {
    const slow = await startPebble({ sleep: 60 });
    try {
      expect(await failure({}, { validationMs: 1500 }, slow)).toMatchObject({
        reason: 'too-slow',
        stage: 'validation',
      });
      expect(await portState('tcp', slow.httpPort)).toBe('free');
      const controller = new AbortController();
      const began = order(
        slow,
        {},
        {
          ...contextFor(slow, { signal: controller.signal }),
          onProgress: (progress) => {
            if (progress === 'answering') controller.abort(new Error('Ctrl-C'));
          },
        },
      );
      await expect(began).rejects.not.toBeInstanceOf(OrderError);
      expect(await portState('tcp', slow.httpPort)).toBe('free');
    } finally {
      await slow.stop();
    }
  });
});

describe('what is kept between orders', () => {
  let store: AcmeStore;
  beforeAll(() => {
    store = openStore(temporaryDirectory());
  });

  it('is the account, until the authority has forgotten it', async () => {
    await order(pebble, {}, { store });
    const account = await store.readAccount(pebble.directoryUrl);
    const key = await store.readKey();
    await order(pebble, {}, { store });
    expect(await store.readAccount(pebble.directoryUrl)).toEqual(account);
    await store.writeAccount(pebble.directoryUrl, { url: `${account!.url}x` });
    await order(pebble, {}, { store });
    expect(await store.readAccount(pebble.directoryUrl)).toEqual(account);
    expect(await store.readKey()).toBe(key);
  });

  it('are failures: after several a person waits too, and a success ends it', async () => {
    const failing = openStore(temporaryDirectory());
    const { misled } = await lookingElsewhere();
    expect(await failure({}, { store: failing }, misled)).toMatchObject({ code: 'authority' });
    // The timer waits at once.
    expect(await failure({ asker: 'timer' }, { store: failing })).toMatchObject({
      code: 'order-waits',
      by: 'back-off',
    });
    await order(pebble, {}, { store: failing });
    expect((await failing.readMemory('derp.example.com', pebble.directoryUrl)).failures).toEqual([]);
    for (let at = 0; at < 4; at++) {
      expect(await failure({}, { store: failing }, misled)).toMatchObject({ code: 'authority' });
    }
    expect(await failure({}, { store: failing })).toMatchObject({ code: 'order-waits', by: 'back-off' });
  });
});

describe('renewal information', () => {
  it('is asked by the name of the certificate, and what replaces it is ordered by that name', async () => {
    const store = openStore(temporaryDirectory());
    const { certPem } = await order(pebble, {}, { store });
    const certificate = new X509Certificate(certPem);
    const { connection } = contextFor(pebble);
    const { directory } = await fetchDirectory(pebble.directoryUrl, connection);
    const usual = await fetchRenewalInfo(directory, certificate, connection);
    expect(usual!.window.start.getTime()).toBeGreaterThan(Date.now());

    const name = (await renewalName(certificate))!;
    const response = JSON.stringify({
      suggestedWindow: { start: '2024-01-01T00:00:00Z', end: '2024-01-02T00:00:00Z' },
      explanationURL: 'https://ca.example/incident',
    });
    await pebble.manage('/set-renewal-info/', { certificate: certPem, ariResponse: response });
    const early = await fetchRenewalInfo(directory, certificate, connection);
    expect(early).toMatchObject({
      window: { start: new Date('2024-01-01T00:00:00Z'), explanation: 'https://ca.example/incident' },
    });

    const before = pebble.log().length;
    await order(pebble, { replaces: certificate }, { store });
    expect(pebble.log().slice(before)).toMatch(/is a replacement of/);
    expect(name).toMatch(/^[\w-]+\.[\w-]+$/);
    // A certificate that has been replaced already is no obstacle.
    expect((await order(pebble, { replaces: certificate }, { store })).certPem).toContain('BEGIN CERTIFICATE');
  });
});
