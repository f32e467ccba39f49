import { rootCertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { layoutBelow } from '../../../src/deploy/layout.ts';
import { crossCheck } from '../../../src/setup/answers/cross-checks.ts';
import { completeAnswers, resolveAnswers } from '../../../src/setup/answers/resolve.ts';
import type { FoundCertificate } from '../../../src/setup/derper/certificate.ts';
import { type TakeOver, takeOver } from '../../../src/setup/derper/take-over.ts';
import { keptCertificate, takenAnswers } from '../../../src/setup/derper/taken-answers.ts';
import { makeChain } from '../certificate/authority.ts';
import { plainFacts } from '../facts.ts';
import { bareDerper } from './fixtures.ts';

const host = 'derp.example.com';
const layout = layoutBelow('/');
const now = new Date();
const inDays = (days: number) => new Date(now.getTime() + days * 24 * 3600 * 1000);

/** As from an authority that everybody knows: nobody but one could make a leaf, so one of their own stands for it. */
const issued: FoundCertificate = {
  renewedBy: 'acme',
  notAfter: inDays(40),
  selfSigned: false,
  files: undefined,
  certPem: rootCertificates[0]!,
  keyPem: () => 'key',
};

async function taken(flags: string, certificate: FoundCertificate | undefined, more: Partial<TakeOver> = {}) {
  const found = await takeOver(bareDerper(`derper -hostname ${host} ${flags}`));
  return { ...found, certificate, ...more };
}

const certificateAnswers = (found: TakeOver, more = {}) => {
  const { cert, certFile, keyFile, email } = takenAnswers(found, 'derper', layout, more).values;
  return { cert, certFile, keyFile, email };
};
const copied = { cert: 'manual', certFile: layout.certificate(host), keyFile: layout.certificateKey(host) };

describe('the certificate of a derper that ordered it', () => {
  it('is ordered from then on', async () => {
    expect(certificateAnswers(await taken('', issued))).toEqual({ cert: 'letsencrypt' });
    const withEmail = await taken('-acme-email me@example.com', issued);
    expect(certificateAnswers(withEmail)).toEqual({ cert: 'letsencrypt', email: 'me@example.com' });
  });

  it.each([
    ['its own self-signed one', {}, { selfSigned: true }],
    ['one for an address that no authority reaches', { host: '192.168.7.7' }, {}],
  ])('is copied and not ordered: %s', async (_, more, certificate) => {
    const found = await taken('', { ...issued, ...certificate }, more);
    expect(certificateAnswers(found).cert).toBe('manual');
    expect(keptCertificate(found, { host: found.host!, acmeDirectory: undefined }, now)).toBeUndefined();
  });

  it('is copied where an authority of one’s own has issued it, or another one than Let’s Encrypt', async () => {
    const { leaf, intermediate } = await makeChain({ type: 'dns', value: host });
    expect(certificateAnswers(await taken('', { ...issued, certPem: leaf + intermediate }))).toEqual(copied);
    expect(certificateAnswers(await taken('-certmode gcp', issued))).toEqual(copied);
  });

  it('stays in its files where somebody else renews it', async () => {
    const files = { certFile: '/srv/certs/a.crt', keyFile: '/srv/certs/a.key' };
    const found = await taken('-certmode manual -certdir certs', { ...issued, renewedBy: 'manual', files });
    expect(certificateAnswers(found)).toEqual({ cert: 'manual', ...files });
  });

  it('does not matter where there is none, or somebody names files of another', async () => {
    expect(certificateAnswers(await taken('', undefined))).toEqual({});
    expect(certificateAnswers(await taken('', issued), { namesFiles: true })).toEqual({});
  });
});

describe('another mode than derper’s', () => {
  it.each(['self-signed', 'letsencrypt', 'manual'])(
    'is no contradiction to what derper leaves: --cert %s',
    async (cert) => {
      const files = { certFile: '/srv/certs/a.crt', keyFile: '/srv/certs/a.key' };
      for (const found of [
        await taken('-acme-email me@example.com', issued),
        await taken('-certmode manual -certdir certs', { ...issued, renewedBy: 'manual', files }),
      ]) {
        const named = cert === 'manual' ? files : {};
        const resolution = resolveAnswers({
          flags: { cert, ...named },
          environment: {},
          derper: takenAnswers(found, 'derper', layout),
        });
        expect(crossCheck(completeAnswers(resolution.given, plainFacts), resolution)).toEqual([]);
      }
    },
  );
});

describe('what is served until it is due', () => {
  const kept = async (answers = {}, certificate = {}) => {
    const found = await taken('', { ...issued, ...certificate });
    return keptCertificate(found, { host, acmeDirectory: undefined, ...answers }, now) !== undefined;
  };

  it('is the one that derper had, for the same host and authority', async () => {
    expect(await kept()).toBe(true);
    expect(await kept({ host: 'other.example.com' })).toBe(false);
    expect(await kept({ acmeDirectory: 'https://ca.example.com/dir' })).toBe(false);
    expect(keptCertificate(undefined, { host, acmeDirectory: undefined }, now)).toBeUndefined();
  });

  it('is a new one where derper’s ends within a day', async () => {
    expect(await kept({}, { notAfter: inDays(1.1) })).toBe(true);
    expect(await kept({}, { notAfter: inDays(0.9) })).toBe(false);
  });
});

describe('the rate of its clients', () => {
  it('is an answer as any other', async () => {
    const found = await taken('', undefined, { clientRate: { bytesPerSecond: 1000, burstBytes: 65_568 } });
    const derper = takenAnswers(found, 'derper', layout);
    expect(derper.values.clientRate).toBe('1k:65568');
    const { given, problems } = resolveAnswers({ flags: {}, environment: {}, derper });
    expect({ rate: given.clientRate?.value, problems }).toEqual({
      rate: { bytesPerSecond: 1000, burstBytes: 65_568 },
      problems: [],
    });
    expect(takenAnswers(await taken('', undefined), 'derper', layout).values).not.toHaveProperty('clientRate');
  });
});
