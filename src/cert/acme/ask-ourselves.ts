/** Asks for the answer to a challenge as an authority will, so that a mistake here costs no attempt there. */
import { X509Certificate } from 'node:crypto';
import { get } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { type LocalAddress, localAddresses } from '../../system/network.ts';
import { type AddressAnswer, type AddressObstacle, type HostAddress, judgeAddresses } from './addresses.ts';
import { challengeServerName } from './identifier.ts';
import { ACME_PROTOCOL, CHALLENGE_PATH, type Challenge, type Responder } from './responder.ts';
import type { ChallengeWay } from './way.ts';

const TIMEOUT_MS = 4000;
/** A key authorization is some ninety characters. */
const MAX_CHARACTERS = 4096;

function askHttp(
  challenge: Extract<Challenge, { type: 'http-01' }>,
  address: string,
  port: number,
): Promise<AddressAnswer> {
  return new Promise((resolve) => {
    const host = isIPv6(challenge.host) ? `[${challenge.host}]` : challenge.host;
    const asked = get(
      {
        host: address,
        port,
        path: CHALLENGE_PATH + challenge.token,
        headers: { Host: port === 80 ? host : `${host}:${port}` },
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
          if (text.length > MAX_CHARACTERS) answer.destroy();
        });
        answer.on('error', () => resolve('other'));
        answer.on('close', () => {
          resolve(answer.statusCode === 200 && text.trim() === challenge.keyAuthorization ? 'ours' : 'other');
        });
      },
    );
    asked.on('error', () => resolve('none'));
  });
}

function askTls(
  challenge: Extract<Challenge, { type: 'tls-alpn-01' }>,
  address: string,
  port: number,
): Promise<AddressAnswer> {
  return new Promise((resolve) => {
    let connected = false;
    const socket = connect({
      host: address,
      port,
      servername: challengeServerName(challenge.host),
      ALPNProtocols: [ACME_PROTOCOL],
      // The certificate of a challenge is nobody's; what matters is that it is the one.
      rejectUnauthorized: false,
    });
    const end = (answer: AddressAnswer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(connected ? 'other' : 'none'));
    socket.once('connect', () => {
      connected = true;
    });
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      const same = raw !== undefined && new X509Certificate(challenge.pair.certPem).raw.equals(raw);
      end(same && socket.alpnProtocol === ACME_PROTOCOL ? 'ours' : 'other');
    });
    socket.once('error', () => end(connected ? 'other' : 'none'));
  });
}

/** What answers at an address. Never rejects. */
export function askAddress(challenge: Challenge, address: string, port: number): Promise<AddressAnswer> {
  return challenge.type === 'http-01' ? askHttp(challenge, address, port) : askTls(challenge, address, port);
}

/** The authority would not find the answer here. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly obstacle: AddressObstacle;

  constructor(obstacle: AddressObstacle) {
    super(`${obstacle.address}: ${obstacle.code}`);
    this.obstacle = obstacle;
  }
}

/** What is asked, and where. */
export interface SelfCheck {
  /** The addresses of the host. */
  addresses: readonly string[];
  /** Where the answer is on this machine, and where the authority looks for it. */
  way: Pick<ChallengeWay, 'port' | 'frontPort' | 'outerPort'>;
  local?: readonly LocalAddress[];
}

/** How long what hands connections on may take until it does so, milliseconds: nginx changes its workers one by one. */
const FRONT_PATIENCE_MS = 5000;
const PAUSE_MS = 250;

/** Asks by every address of the host. */
async function findObstacle(
  challenge: Challenge,
  { addresses, way: { port, frontPort = port, outerPort }, local }: SelfCheck,
): Promise<AddressObstacle | undefined> {
  const mine = local ?? localAddresses();
  // By the loopback address at least: the machine may know none of the host's addresses.
  const own = (address: string) => mine.some((entry) => entry.address === address);
  const places = addresses.some(own) ? [...addresses] : ['127.0.0.1', ...addresses];
  const asked = places
    .filter((address) => isIP(address) > 0)
    .map(async (address): Promise<HostAddress> => {
      const isOwn = own(address) || address === '127.0.0.1';
      return { address, own: isOwn, answer: await askAddress(challenge, address, isOwn ? frontPort : outerPort) };
    });
  return judgeAddresses(await Promise.all(asked), mine);
}

/** A responder that asks for its answers by every address of the host. Showing one rejects with UnreachableError. */
export function withSelfCheck(responder: Responder, check: SelfCheck): Responder {
  return {
    present: async (challenge, signal) => {
      const remove = await responder.present(challenge, signal);
      try {
        const deadline = Date.now() + (check.way.frontPort === undefined ? 0 : FRONT_PATIENCE_MS);
        for (;;) {
          const obstacle = await findObstacle(challenge, check);
          signal.throwIfAborted();
          if (obstacle === undefined) return remove;
          if (Date.now() >= deadline) throw new UnreachableError(obstacle);
          await delay(PAUSE_MS, undefined, { signal });
        }
      } catch (error) {
        await remove();
        throw error;
      }
    },
  };
}
