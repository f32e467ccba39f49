/** The certificate in the relay's files, and the one that it serves. */
import type { X509Certificate } from 'node:crypto';
import { oneLine } from '../../../client/trust.ts';
import { pinOf } from '../../../protocol/certificate-pin.ts';
import { systemAuthorities } from '../../../system/authorities.ts';
import type { Problem } from '../../answers/problems.ts';
import { isPubliclyTrusted, issuersOf, parseChain, readCertificatePair } from '../../certificate/pair.ts';
import { type Installed, whereabouts } from '../../status/installed.ts';
import type { CertificateFacts } from '../facts.ts';
import { certificateFiles } from './files.ts';

const isDenied = ({ rule }: Problem) => rule.code === 'file' && rule.problem === 'denied';

/** Whether this machine was told of the authority behind a chain. */
function isTrustedBy(authorities: string, chain: readonly X509Certificate[]): boolean {
  const last = chain.at(-1)!;
  return (parseChain(authorities) ?? []).some(
    (root) => root.fingerprint256 === last.fingerprint256 || (last.checkIssued(root) && last.verify(root.publicKey)),
  );
}

/** What is found, and what must be trusted beside the usual authorities to check this relay. */
export interface CertificateLook {
  facts: CertificateFacts;
  extraCa: string;
}

/** Reads the files as the relay would, and judges them for the host. */
export async function gatherCertificate(
  installed: Installed,
  served: readonly X509Certificate[] | undefined,
  environment: Record<string, string | undefined>,
  now: Date,
): Promise<CertificateLook | undefined> {
  const host = whereabouts(installed)?.host;
  const files = certificateFiles(installed);
  if (host === undefined || files === undefined) return undefined;
  const blame = { cert: { subject: files.certFile }, key: { subject: files.keyFile } };
  const { pair, problems } = await readCertificatePair({ ...files, blame }, host, now);
  const authorities = await systemAuthorities(environment);
  const leaf = pair?.chain[0];
  const publiclyTrusted = pair !== undefined && isPubliclyTrusted(pair.chain);
  const facts: CertificateFacts = {
    ...files,
    denied: problems.some(isDenied),
    problems: problems.filter((problem) => !isDenied(problem)),
    pair: pair &&
      leaf && {
        notBefore: new Date(leaf.validFrom),
        notAfter: pair.notAfter,
        fingerprint: leaf.fingerprint256,
        selfSigned: pair.selfSigned,
        pin: pair.pin,
        issuer: oneLine(leaf.issuer),
        chainLength: pair.chain.length,
        publiclyTrusted,
        trustedHere: publiclyTrusted || isTrustedBy(authorities, pair.chain),
      },
    served: served?.[0] && {
      notAfter: new Date(served[0].validTo),
      fingerprint: served[0].fingerprint256,
      pin: pinOf(served[0]),
    },
  };
  // A chain to an authority of one's own is right for those who were told of it.
  const own = pair && !publiclyTrusted && !pair.selfSigned ? issuersOf(pair) : '';
  return { facts, extraCa: [authorities, own].filter((pem) => pem !== '').join('\n') };
}
