/**
 * Which certificates Tailscale's own client takes of our relay: by the pin in the map, and by the authority behind them.
 * derp-setup's own client has to agree. Whole tailnets with such maps are in test/interop/tailnet.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/cert/self-signed.ts';
import { connectDerp } from '../../src/client/connect.ts';
import { DerpClientError } from '../../src/client/errors.ts';
import type { Trust } from '../../src/client/trust.ts';
import { makeChain } from '../setup/certificate/authority.ts';
import { temporaryDirectory } from '../temporary.ts';
import { order } from './support/issuing.ts';
import { type Pebble, startPebble } from './support/pebble.ts';
import { derpSetup } from './support/run.ts';
import {
  askClient,
  askTlsCheck,
  type Belief,
  type ShowingRelay,
  type Shown,
  showCertificate,
} from './support/tailscale-client.ts';

const DAY_MS = 24 * 3600 * 1000;
const NAME = 'derp.example.com';
const ADDRESS = '127.0.0.1';

/** The relay at hand; it stays while the tests are about its certificate. */
let running: { shown: Shown; relay: ShowingRelay } | undefined;
async function relayWith(shown: Shown): Promise<ShowingRelay> {
  if (running?.shown !== shown) {
    await stopRelay();
    running = { shown, relay: await showCertificate(shown) };
  }
  return running!.relay;
}
async function stopRelay(): Promise<void> {
  await running?.relay.stop();
  running = undefined;
}
afterAll(stopRelay);

async function expectAccepted(shown: Shown, belief: Belief, ours: { code: string } | null = null): Promise<void> {
  const relay = await relayWith(shown);
  const before = await relay.logins();
  expect(await askClient(relay, belief)).toEqual({ accepted: true });
  await expect.poll(relay.logins).toBeGreaterThan(before);
  expect(await askOurClient(relay, belief)).toEqual(ours);
}

async function expectRefused(shown: Shown, belief: Belief, reason: RegExp): Promise<void> {
  const relay = await relayWith(shown);
  const before = await relay.logins();
  expect(await askClient(relay, belief)).toEqual({ accepted: false, reason: expect.stringMatching(reason) });
  // Node may not have found the same thing wrong first.
  const code = belief.pin === undefined ? 'certificate' : 'pin';
  expect(await askOurClient(relay, belief)).toEqual({ code });
  expect(await relay.logins()).toBe(before);
}

/** What the client inside derp-setup, by which it verifies and probes, finds wrong; null for nothing. */
async function askOurClient({ port }: ShowingRelay, { host, pin, roots }: Belief): Promise<{ code: string } | null> {
  const trust: Trust =
    pin === undefined ? { kind: 'ca', ...(roots === undefined ? {} : { extraCa: roots }) } : { kind: 'pin', pin };
  try {
    (await connectDerp({ host, addresses: ['127.0.0.1'], port, trust })).close();
    return null;
  } catch (error) {
    if (error instanceof DerpClientError) return { code: error.code };
    throw error;
  }
}

/** One of ours, made so many days ago. */
async function selfSigned(host: string, daysAgo = 0): Promise<Shown & { pin: string }> {
  const certificate = await makeSelfSignedCertificate(host, new Date(Date.now() - daysAgo * DAY_MS));
  return { host, ...certificate };
}

describe.each([NAME, ADDRESS])('a self-signed certificate for %s', (host) => {
  let good: Shown & { pin: string };
  beforeAll(async () => {
    good = await selfSigned(host);
  });

  it('is accepted by its pin, though no authority is trusted', () => expectAccepted(good, { host, pin: good.pin }));

  it("is refused by another certificate's pin", async () => {
    const { pin } = await selfSigned(host);
    await expectRefused(good, { host, pin }, /^cert hash does not match expected cert hash$/);
  });

  it('is refused by its pin in capital letters', async () => {
    const pin = good.pin.replace(/[0-9a-f]{64}$/, (hex) => hex.toUpperCase());
    await expectRefused(good, { host, pin }, /^cert hash does not match expected cert hash$/);
  });

  it('is refused without a pin', () => expectRefused(good, { host }, /certificate signed by unknown authority/));

  it('is refused by its pin on the day after its last', async () => {
    const shown = await selfSigned(host, 366);
    await expectRefused(shown, { host, pin: shown.pin }, /^cert expired /);
  });

  it('is accepted by its pin on its last day', async () => {
    const shown = await selfSigned(host, 364);
    await expectAccepted(shown, { host, pin: shown.pin });
  });

  it('is refused by its pin before its first day', async () => {
    const shown = await selfSigned(host, -2);
    await expectRefused(shown, { host, pin: shown.pin }, /^cert not yet valid until /);
  });
});

describe('a pinned certificate for another host', () => {
  it('is refused where the map has a name', async () => {
    const shown = await selfSigned('other.example.com');
    await expectRefused(shown, { host: NAME, pin: shown.pin }, /^cert does not match server name "derp.example.com"/);
  });

  it('is accepted where the map has an address: the client compares names only', async () => {
    const shown = await selfSigned('192.0.2.1');
    await expectAccepted(shown, { host: ADDRESS, pin: shown.pin });
  });
});

describe('a chain of an authority', () => {
  let pebble: Pebble;
  /** What Pebble's certificates lead to. */
  let roots: string;
  const issued: Record<string, Shown> = {};

  beforeAll(async () => {
    pebble = await startPebble();
    roots = await pebble.issuingRoot();
    const byName = await order(pebble, { host: NAME, challenge: 'tls-alpn-01' });
    issued[NAME] = { host: NAME, certPem: byName.certPem, keyPem: byName.keyPem };
    issued[ADDRESS] = await installedForAddress(pebble, roots);
  });
  afterAll(() => pebble?.stop());

  describe.each([NAME, ADDRESS])('that was issued for %s', (host) => {
    it('is accepted by who trusts the authority', () => expectAccepted(issued[host]!, { host, roots }));

    it('is refused by who trusts nobody', () =>
      expectRefused(issued[host]!, { host }, /certificate signed by unknown authority/));

    it('is refused by who trusts another authority', () =>
      // The one behind Pebble's own server.
      expectRefused(issued[host]!, { host, roots: pebble.authority }, /certificate signed by unknown authority/));

    it('is refused without its intermediate', async () => {
      const [leaf] = issued[host]!.certPem.split(/(?<=-----END CERTIFICATE-----\n)/);
      await expectRefused(
        { ...issued[host]!, certPem: leaf! },
        { host, roots },
        /certificate signed by unknown authority/,
      );
    });

    it('is refused when it has expired', async () => {
      const chain = await makeChain({ type: host === NAME ? 'dns' : 'ip', value: host }, { from: -10, until: -1 });
      const shown = { host, certPem: chain.leaf + chain.intermediate, keyPem: chain.key };
      await expectRefused(shown, { host, roots: chain.root }, /certificate has expired or is not yet valid/);
    });
  });

  it('for another name is refused', () =>
    expectRefused(
      issued[NAME]!,
      { host: 'other.example.com', roots },
      /certificate is valid for derp.example.com, not/,
    ));

  it('for another address is accepted: the client compares names only', () =>
    // It dials the map's IPv4 all the same. Ours does compare: whoever else has a certificate could pose as the relay.
    expectAccepted(issued[ADDRESS]!, { host: '192.0.2.1', roots }, { code: 'certificate' }));

  it("for an address lives too short for derpprobe's check of TLS alone, which looks at the authority as well", async () => {
    const relay = await relayWith(issued[ADDRESS]!);
    // Six days, as all of Let's Encrypt's for addresses; derpprobe wants seven. It comes to that with trust only.
    const trusting = await askTlsCheck(relay, { host: ADDRESS, roots });
    expect(trusting).toEqual({ accepted: false, reason: expect.stringMatching(/^one of the certs expires in 14\dh/) });
    const distrusting = await askTlsCheck(relay, { host: ADDRESS });
    expect(distrusting.reason).toMatch(/certificate signed by unknown authority/);
  });
});

/** The files that derp-setup itself has ordered and kept for the relay. */
async function installedForAddress(pebble: Pebble, roots: string): Promise<Shown> {
  const home = temporaryDirectory();
  const bundle = join(home, 'authorities.pem');
  writeFileSync(bundle, roots + pebble.authority);
  const ports = ['--derp-port', String(pebble.tlsPort), '--http-port', String(pebble.httpPort), '--stun-port', '-1'];
  const certificate = ['--cert', 'letsencrypt', '--acme-directory', pebble.directoryUrl, '--acme-challenge', 'http-01'];
  const args = ['--once', '--json', '--deploy', 'foreground', '--host', ADDRESS, ...ports, ...certificate];
  const run = await derpSetup(args, { home, environment: { SSL_CERT_FILE: bundle } });
  expect(run.code, run.stderr).toBe(0);
  const read = (end: string) =>
    readFileSync(join(home, `state/derp-setup/etc/derp-setup/certs/${ADDRESS}.${end}`), 'utf8');
  return { host: ADDRESS, certPem: read('crt'), keyPem: read('key') };
}
