/** The certificate: for this host, in its dates, with its key and its chain, and the one that is served. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import type { Problem } from '../../answers/problems.ts';
import { daysUntil } from '../../status/status.ts';
import type { CertificateFacts, DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

/** A new pin must reach every client's derpMap, so people need to hear of it weeks ahead. */
const PIN_WARNING_DAYS = 30;
/** Renewal begins when a third of the lifetime is left; below this share it has failed for a while. */
const LEAST_SHARE_LEFT = 0.25;

function judgeProblem(problem: Problem, { certFile, keyFile }: CertificateFacts): Finding {
  const { rule } = problem;
  switch (rule.code) {
    case 'host-not-covered':
      return failed('certificate-wrong-host', { host: rule.host, names: rule.names });
    case 'expired':
      return failed('certificate-ended', { at: rule.at });
    case 'not-yet-valid':
      return failed('certificate-early', { at: rule.at });
    case 'key-mismatch':
      return failed('certificate-key-mismatch', { certFile, keyFile });
    default:
      return failed('certificate-problem', { problem });
  }
}

type Pair = NonNullable<CertificateFacts['pair']>;

function judgeTrust({ selfSigned, publiclyTrusted, trustedHere, chainLength, issuer }: Pair, file: string): Finding[] {
  if (selfSigned || publiclyTrusted) return [];
  // Alone, and from nobody that is known: what stands between it and its authority was left out, as a rule.
  if (chainLength === 1 && !trustedHere) return [failed('chain-incomplete', { file, issuer })];
  return [warning('private-authority', { file, issuer })];
}

function endsSoon({ notBefore, notAfter, selfSigned }: Pair, now: Date): boolean {
  if (selfSigned) return daysUntil(notAfter, now) < PIN_WARNING_DAYS;
  return (notAfter.getTime() - now.getTime()) / (notAfter.getTime() - notBefore.getTime()) < LEAST_SHARE_LEFT;
}

export function judgeCertificate({ certificate, where, now, installed }: DoctorFacts): Finding[] {
  if (certificate === undefined || certificate.denied || where === undefined) return [];
  const { pair, problems, served, certFile } = certificate;
  const found = problems.map((problem) => judgeProblem(problem, certificate));
  if (pair === undefined) return found;
  found.push(...judgeTrust(pair, certFile));
  const { notAfter, selfSigned, fingerprint } = pair;
  const daysLeft = daysUntil(notAfter, now);
  if (endsSoon(pair, now)) found.push(warning('certificate-ends-soon', { notAfter, daysLeft, selfSigned }));
  if (served !== undefined && served.fingerprint !== fingerprint) {
    const data = { servedUntil: served.notAfter, fileUntil: notAfter };
    const fix = { kind: 'reload', unit: 'derp-relay.service' } as const;
    found.push(
      isInstalledTarget(installed.target)
        ? failed('certificate-not-loaded', data, fix)
        : failed('certificate-not-loaded', data),
    );
  }
  return found.length > 0 ? found : [fine('certificate-fine', { host: where.host, notAfter, daysLeft })];
}
