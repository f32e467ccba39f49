/** Whether a certificate must be ordered of an authority, and everything that would keep it from being issued. */
import { X509Certificate } from 'node:crypto';
import { type Asker, waitBefore } from '../../cert/acme/attempts.ts';
import { type AcmeConnection, connectAcme } from '../../cert/acme/connection.ts';
import { chooseProfile, isLetsEncrypt, LETS_ENCRYPT } from '../../cert/acme/directory.ts';
import { examineOrder } from '../../cert/acme/examine.ts';
import { identifierOf } from '../../cert/acme/identifier.ts';
import { authorityName, type OrderObstacle, obstacleOf } from '../../cert/acme/obstacle.ts';
import { privateHost } from '../../cert/acme/private-host.ts';
import type { Layout } from '../../deploy/layout.ts';
import type { CertificateOrder } from '../../deploy/steps.ts';
import { systemAuthorities } from '../../system/authorities.ts';
import { readText } from '../../system/files.ts';
import type { Note } from '../answers/notes.ts';
import type { Problem } from '../answers/problems.ts';
import { type Answers, nginxEndsTls, questions } from '../answers/questions.ts';
import type { GivenAnswers } from '../answers/resolve.ts';
import { readMacKey } from './account.ts';
import type { CertificateChoice } from './certificate.ts';
import { glanceAtStore } from './order-memory.ts';
import { type CertificatePair, isPubliclyTrusted, issuersOf, readCertificatePair } from './pair.ts';
import { findWay, type MakesWay } from './way.ts';

type Environment = Record<string, string | undefined>;

/** A certificate that lasts so much longer is kept by a setup; renewing it is the timer's, milliseconds. */
const LEAST_LEFT_MS = 24 * 3600 * 1000;

/** How a certificate is chosen. */
export interface OrderUse {
  environment: Environment;
  now: Date;
  signal: AbortSignal;
  /** The relay is started here, so that it needs the certificate. */
  starts: boolean;
  /** The target can be had at all; otherwise there are problems that come first. */
  judges: boolean;
  makesWay: MakesWay;
  /** What hands connections on to the relay is yet to be told to. */
  frontPending?: boolean;
}

/** The authorities to trust beside Node's own: those of this machine, and those of NODE_EXTRA_CA_CERTS. */
export async function extraAuthorities(environment: Environment): Promise<string> {
  const named = environment.NODE_EXTRA_CA_CERTS;
  const extra = named ? await readText(named).catch(() => '') : '';
  return [await systemAuthorities(environment), extra].filter((pem) => pem !== '').join('\n');
}

/** A way to the authority. */
export async function openConnection(environment: Environment, signal: AbortSignal): Promise<AcmeConnection> {
  return connectAcme({
    environment,
    extraAuthorities: await extraAuthorities(environment),
    userAgent: `derp-setup/${__VERSION__}`,
    signal,
  });
}

/** Where the relay listens behind what hands connections on to it. */
function behindOf({ deploy, relayPort, relayHttpPort }: Answers, pending: boolean): Pick<CertificateOrder, 'behind'> {
  const derpPort = deploy === 'nginx-bypass' ? relayPort : undefined;
  if (derpPort === undefined && relayHttpPort === undefined) return {};
  const ports = {
    ...(derpPort !== undefined && { derpPort }),
    ...(relayHttpPort !== undefined && { httpPort: relayHttpPort }),
  };
  return { behind: { ...ports, pending } };
}

/** The order that the answers ask for. `pending`: what hands connections on to the relay is yet to be told to. */
export function orderOf(
  answers: Answers,
  layout: Layout,
  { pending = false }: { pending?: boolean | undefined } = {},
): CertificateOrder {
  const { host, email, acmeDirectory: directoryUrl = LETS_ENCRYPT, eabKid, eabKeyFile } = answers;
  // Where nginx ends TLS, nobody but nginx itself could show the certificate of another challenge.
  const challenge = answers.acmeChallenge ?? (nginxEndsTls(answers) ? 'http-01' : undefined);
  return {
    host,
    directoryUrl,
    ...(email !== undefined && { email }),
    ...(eabKid !== undefined &&
      eabKeyFile !== undefined && { externalAccount: { keyId: eabKid, keyFile: eabKeyFile } }),
    ...(challenge !== undefined && { challenge }),
    derpPort: answers.derpPort,
    httpPort: answers.httpPort,
    ...behindOf(answers, pending),
    acmeDirectory: layout.acmeDirectory,
    expected: { authority: authorityName(directoryUrl), challenge: challenge ?? '' },
  };
}

/** The pair in the installation's files, if it is one that can go on being served. */
export async function installedPair(
  layout: Pick<Layout, 'certificate' | 'certificateKey'>,
  host: string,
  now: Date,
): Promise<CertificatePair | undefined> {
  const [certFile, keyFile] = [layout.certificate(host), layout.certificateKey(host)];
  const blame = { cert: { subject: certFile }, key: { subject: keyFile } };
  return (await readCertificatePair({ certFile, keyFile, blame }, host, now)).pair;
}

async function isKept(pair: CertificatePair | undefined, order: CertificateOrder, now: Date): Promise<boolean> {
  if (pair === undefined || pair.selfSigned || pair.notAfter.getTime() - now.getTime() < LEAST_LEFT_MS) return false;
  const { memory } = await glanceAtStore(order);
  const issued = memory?.issued?.fingerprint === pair.chain[0]!.fingerprint256;
  // What Let's Encrypt's staging directory issued is trusted by nobody, and replaced when the real one is asked.
  return issued || (isPubliclyTrusted(pair.chain) && isLetsEncrypt(order.directoryUrl));
}

/** Everything that can be found out before anything is changed: the order with what is expected, or what is in the way. */
export async function examineBeforehand(
  order: CertificateOrder,
  { environment, signal, makesWay, asker }: Pick<OrderUse, 'environment' | 'signal' | 'makesWay'> & { asker: Asker },
): Promise<{ order: CertificateOrder } | { obstacle: OrderObstacle }> {
  const { host, directoryUrl } = order;
  const { memory, account } = await glanceAtStore(order);
  const wait = memory && waitBefore(memory, asker, new Date());
  if (wait) {
    const detail = memory.failures.at(-1)?.detail ?? '';
    return { obstacle: { code: 'order-waits', until: wait.until.toISOString(), by: wait.by, detail } };
  }
  const found = await findWay(order, makesWay);
  if ('obstacle' in found) return found;
  const { way, rehearses } = found;
  const connection = await openConnection(environment, signal);
  try {
    const { directory } = await examineOrder(
      {
        host,
        directoryUrl,
        // Where a port is still somebody else's, who makes way later, nobody can answer yet.
        way: rehearses ? way : { ...way, by: 'relay' },
        hasAccount: account !== undefined,
        hasExternalAccount: order.externalAccount !== undefined,
      },
      connection,
      signal,
    );
    const profile = chooseProfile(identifierOf(host), directory);
    const expected = { ...order.expected, challenge: way.challenge, ...(profile !== undefined && { profile }) };
    return { order: { ...order, expected } };
  } catch (error) {
    const obstacle = obstacleOf(error, { host, directoryUrl, way });
    if (obstacle === undefined) throw error;
    return { obstacle };
  } finally {
    connection.close();
  }
}

/** Which answer is to blame for an obstacle. */
function subjectKey(obstacle: OrderObstacle): 'host' | 'acmeDirectory' | 'acmeChallenge' | 'cert' {
  switch (obstacle.code) {
    case 'host-without-address':
    case 'address-obstacle':
    case 'caa-forbids':
    case 'private-host':
      return 'host';
    case 'clock-wrong':
    case 'needs-external-account':
    case 'authority':
      return 'acmeDirectory';
    case 'no-challenge-port':
      return obstacle.chosen ? 'acmeChallenge' : 'cert';
    case 'order-waits':
      return 'cert';
  }
}

function problemOf(obstacle: OrderObstacle, answers: Answers, given: GivenAnswers): Problem {
  const key = subjectKey(obstacle);
  const { flag } = questions[key];
  return { subject: given[key]?.subject ?? flag, flag, value: String(answers[key] ?? ''), rule: obstacle };
}

/**
 * The certificate of an authority: the one that is there while it is good, or one to be ordered, with everything that
 * is in its way. Asks the authority for its directory only where something is to be ordered.
 */
export async function chooseOrderedCertificate(
  answers: Answers,
  given: GivenAnswers,
  layout: Layout,
  use: OrderUse,
): Promise<CertificateChoice> {
  const { host } = answers;
  const order = orderOf(answers, layout, { pending: use.frontPending });
  const files = { certFile: layout.certificate(host), keyFile: layout.certificateKey(host) };
  const pair = await installedPair(layout, host, use.now);
  const isPublic = isLetsEncrypt(order.directoryUrl);
  if (await isKept(pair, order, use.now)) {
    const { notAfter, chain } = pair!;
    const extra = isPubliclyTrusted(chain)
      ? {}
      : { extraCa: `${issuersOf(pair!)}\n${await extraAuthorities(use.environment)}` };
    return { certificate: { ...files, ...extra }, notAfter, notes: [], problems: [] };
  }
  const trust = isPublic ? {} : { extraCa: await extraAuthorities(use.environment) };
  if (!use.starts) {
    const notes: Note[] = [{ code: 'order-later', host }];
    return { certificate: { ...files, ...trust }, notes, problems: [] };
  }
  // What is told elsewhere is not told twice.
  if (!use.judges || privateHost(host, order.directoryUrl)) return { notes: [], problems: [] };
  if (order.externalAccount) {
    const { keyFile } = order.externalAccount;
    const key = await readMacKey(keyFile);
    const blame = { subject: given.eabKeyFile?.subject ?? '--eab-key-file', flag: '--eab-key-file', value: keyFile };
    if ('rule' in key) return { notes: [], problems: [{ ...blame, rule: key.rule }] };
  }
  const found = await examineBeforehand(order, { ...use, asker: 'person' });
  if ('obstacle' in found) return { notes: [], problems: [problemOf(found.obstacle, answers, given)] };
  return { certificate: { ...files, ...trust, order: found.order }, notes: [], problems: [] };
}

/** When a chain in a file ends; undefined where there is none. */
export async function certificateEnd(path: string): Promise<Date | undefined> {
  try {
    return new Date(new X509Certificate(await readText(path)).validTo);
  } catch {
    return undefined;
  }
}
