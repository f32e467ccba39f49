/** What is taken over from a derper, as answers to the questions: they count where nobody says otherwise. */
import type { Layout } from '../../deploy/layout.ts';
import { formatVerification } from '../../deploy/verification.ts';
import type { AnswersDocument } from '../resolve.ts';
import type { TakeOver } from './take-over.ts';

/** The answers, as a document named after the derper. */
export function takenAnswers(taken: TakeOver, name: string, layout: Layout): AnswersDocument {
  const { host, ports, verify, home, certificate, tls } = taken;
  const values: Record<string, unknown> = {};
  if (host !== undefined) values.host = host;
  // Behind something that speaks TLS for it, derper's own port is not the one that clients dial.
  if (tls && ports.derp !== undefined) values.derpPort = ports.derp;
  if (ports.http !== undefined) values.httpPort = ports.http;
  if (ports.stun !== undefined) values.stunPort = ports.stun;
  // An open relay is chosen by name, also by those whose derper was open.
  if (verify.kind !== 'none') values.verify = formatVerification(verify);
  if (home !== 'default') values.home = typeof home === 'object' ? home.redirect : home;
  if (certificate !== undefined && host !== undefined) {
    values.cert = 'manual';
    values.certFile = certificate.files?.certFile ?? layout.certificate(host);
    values.keyFile = certificate.files?.keyFile ?? layout.certificateKey(host);
  }
  return { path: name, values };
}
