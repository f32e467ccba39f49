/** What is taken over from a derper, as answers to the questions: they count where nobody says otherwise. */
import { LETS_ENCRYPT } from '../../cert/acme/directory.ts';
import { privateHost } from '../../cert/acme/private-host.ts';
import type { Layout } from '../../deploy/layout.ts';
import { formatVerification } from '../../deploy/verification.ts';
import { formatClientRateChoice } from '../access/client-rate.ts';
import type { Answers } from '../answers/questions.ts';
import type { AnswersDocument } from '../answers/resolve.ts';
import { isPubliclyTrusted, parseChain } from '../certificate/pair.ts';
import type { FoundCertificate } from './certificate.ts';
import type { TakeOver } from './take-over.ts';

/** One that lasts so much longer goes on being served, milliseconds; any other is ordered anew at once. */
const LEAST_LEFT_MS = 24 * 3600 * 1000;

/**
 * Whether derper got its certificate of Let's Encrypt, which issues to whoever takes its place as well. What somebody
 * has put into derper's cache, from an authority of their own, is for them to renew.
 */
function isOrdered({ certMode, certificate, host }: TakeOver): boolean {
  if (certMode !== 'letsencrypt' || certificate?.renewedBy !== 'acme' || host === undefined) return false;
  if (certificate.selfSigned || privateHost(host, LETS_ENCRYPT) !== undefined) return false;
  const chain = parseChain(certificate.certPem);
  return chain !== undefined && isPubliclyTrusted(chain);
}

/**
 * The certificate with which an order can wait until it is due: derper's own of Let's Encrypt, for the same host, where
 * the next one is ordered there too.
 */
export function keptCertificate(
  taken: TakeOver | undefined,
  { host, acmeDirectory = LETS_ENCRYPT }: Pick<Answers, 'host' | 'acmeDirectory'>,
  now: Date,
): FoundCertificate | undefined {
  if (taken?.certificate === undefined || !isOrdered(taken)) return undefined;
  const { certificate } = taken;
  const lasts = certificate.notAfter.getTime() - now.getTime() >= LEAST_LEFT_MS;
  return lasts && taken.host === host && acmeDirectory === LETS_ENCRYPT ? certificate : undefined;
}

/**
 * The answers, as a document named after the derper.
 * @param namesFiles somebody has named the files of another certificate, so that derper's does not matter
 */
export function takenAnswers(
  taken: TakeOver,
  name: string,
  layout: Layout,
  { namesFiles = false } = {},
): AnswersDocument {
  const { host, ports, verify, home, certificate, tls, email, clientRate } = taken;
  const values: Record<string, unknown> = {};
  if (host !== undefined) values.host = host;
  // Behind something that speaks TLS for it, derper's own port is not the one that clients dial.
  if (tls && ports.derp !== undefined) values.derpPort = ports.derp;
  if (ports.http !== undefined) values.httpPort = ports.http;
  if (ports.stun !== undefined) values.stunPort = ports.stun;
  // An open relay is chosen by name, also by those whose derper was open.
  if (verify.kind !== 'none') values.verify = formatVerification(verify);
  if (clientRate !== undefined) values.clientRate = formatClientRateChoice(clientRate);
  if (home !== 'default') values.home = typeof home === 'object' ? home.redirect : home;
  if (namesFiles) return { path: name, values };
  if (isOrdered(taken)) {
    // Nobody else renews it once derper is gone.
    values.cert = 'letsencrypt';
    if (email !== undefined) values.email = email;
  } else if (certificate !== undefined && host !== undefined) {
    values.cert = 'manual';
    values.certFile = certificate.files?.certFile ?? layout.certificate(host);
    values.keyFile = certificate.files?.keyFile ?? layout.certificateKey(host);
  }
  return { path: name, values };
}
