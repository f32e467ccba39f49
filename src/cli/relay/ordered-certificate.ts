/** derper's certmodes letsencrypt and gcp: the certificate is ordered before the relay starts, and renewed while it serves. */
import { dirname, join } from 'node:path';
import { authorityName } from '../../cert/acme/obstacle.ts';
import type { CertificateOrder } from '../../deploy/steps.ts';
import type { RelayConfig } from '../../relay/config.ts';
import type { Log } from '../../relay/log.ts';
import type { Relay } from '../../relay/relay.ts';
import { type RenewalOutcome, renewOrdered } from '../../setup/certificate/renew.ts';
import { notServing } from '../../setup/certificate/serving.ts';
import { autocertNames, splitAutocertFile } from '../../setup/derper/autocert.ts';
import { keepRenewing } from '../../setup/foreground-renewal.ts';
import { ensureDirectory, kindOf, readTextIfPresent, writeFileAtomic } from '../../system/files.ts';
import { en } from '../messages/en.ts';
import { renewalTrouble } from '../renew/ordered.ts';
import type { OrderedCertificate } from './build-config.ts';

/** What an order is made of. */
export interface OrderedRelay {
  config: RelayConfig;
  authority: OrderedCertificate;
  log: Log;
  environment: Record<string, string | undefined>;
}

/** The order, and where its certificate belongs. Writes the external account's key where orders look for it. */
async function prepareOrder({ config, authority }: OrderedRelay) {
  const { hostname: host, listen, httpPort, certificate } = config;
  const { directory, directoryUrl, email, externalAccount } = authority;
  await ensureDirectory(dirname(directory), 0o700);
  await ensureDirectory(directory, 0o700);
  const keyFile = join(directory, 'external-account.key');
  if (externalAccount) await writeFileAtomic(keyFile, `${externalAccount.macKey}\n`, { mode: 0o600 });
  const order: CertificateOrder = {
    host,
    directoryUrl,
    ...(email !== undefined && { email }),
    ...(externalAccount && { externalAccount: { keyId: externalAccount.keyId, keyFile } }),
    derpPort: listen.port,
    httpPort,
    acmeDirectory: directory,
    expected: { authority: authorityName(directoryUrl), challenge: '' },
  };
  const { certFile, keyFile: certKeyFile } = certificate!;
  return { order, layout: { certificate: () => certFile, certificateKey: () => certKeyFile } };
}

/** Goes on with the certificate that derper had in the same directory. */
async function takeDerpersCertificate({ config, authority, log }: OrderedRelay): Promise<void> {
  const { certFile, keyFile } = config.certificate!;
  if ((await kindOf(certFile)) !== 'missing' || (await kindOf(keyFile)) !== 'missing') return;
  for (const name of autocertNames(config.hostname)) {
    const pair = splitAutocertFile((await readTextIfPresent(join(authority.cache, name))) ?? '');
    if (pair === undefined) continue;
    await writeFileAtomic(keyFile, pair.keyPem, { mode: 0o600 });
    await writeFileAtomic(certFile, pair.certPem, { mode: 0o644 });
    log.info('certificate_taken_over', { file: join(authority.cache, name) });
    return;
  }
}

function tell(outcome: RenewalOutcome, { log, config }: OrderedRelay): void {
  const { hostname } = config;
  if (outcome.kind === 'not-due') return;
  if (outcome.kind === 'renewed') {
    log.info('certificate_issued', { hostname, not_after: outcome.notAfter.toISOString() });
    return;
  }
  const { reason, more } = renewalTrouble(outcome, en);
  log.error('certificate_not_issued', {
    hostname,
    problem: reason,
    ...(more.length > 0 && { remedy: more.join('; ') }),
  });
}

/**
 * Has the certificate at hand before the relay starts: the one that is there, derper's, or a new one. One that is there
 * and good is served whatever the authority says.
 * @returns why there is none, if there is none
 * @throws FileError
 */
export async function ensureOrderedCertificate(relay: OrderedRelay, signal: AbortSignal): Promise<string | undefined> {
  const prepared = await prepareOrder(relay);
  await takeDerpersCertificate(relay);
  const { environment } = relay;
  const outcome = await renewOrdered({ ...prepared, force: false, environment, signal, serving: notServing });
  tell(outcome, relay);
  if (outcome.kind === 'not-due' || outcome.kind === 'renewed') return undefined;
  if (outcome.notAfter !== undefined && outcome.notAfter > new Date()) return undefined;
  const { reason, more } = renewalTrouble(outcome, en);
  return [reason, ...more].join('; ');
}

/** Renews while the relay serves; resolves when the signal is aborted. */
export async function renewWhileServing(relay: OrderedRelay, running: Relay, signal: AbortSignal): Promise<void> {
  const { environment, log } = relay;
  await keepRenewing(running, {
    ...(await prepareOrder(relay)),
    environment,
    signal,
    onOutcome: (outcome) => tell(outcome, relay),
    onError: (error) => log.error('certificate_not_issued', { problem: String(error) }),
  });
}
