/** Everything that can keep a host from getting a certificate: facts only; the sentences are in the message catalogues. */
import type { AddressObstacle } from './addresses.ts';
import { UnreachableError } from './ask-ourselves.ts';
import type { Wait } from './attempts.ts';
import type { CaaObstacle } from './caa.ts';
import { AcmeError, type AcmeReason, type AcmeStage } from './failure.ts';
import type { ChallengeType } from './identifier.ts';
import type { BlockedWay, ChallengeWay } from './way.ts';

/** What is in the way, with the facts that are needed to say so and to name the way out. */
export type OrderObstacle =
  /** The authority, or the way to it; `detail` are its own words. */
  | {
      code: 'authority';
      authority: string;
      reason: AcmeReason;
      stage: AcmeStage;
      detail: string;
      host: string;
      challenge?: ChallengeType;
      /** Where the authority looked. */
      port?: number;
      retryAt?: string;
    }
  | { code: 'order-waits'; until: string; by: Wait['by']; detail: string }
  | { code: 'clock-wrong'; aheadMinutes: number; authority: string }
  | { code: 'needs-external-account'; authority: string }
  | { code: 'host-without-address'; failure: 'not-found' | 'no-answer' }
  | { code: 'caa-forbids'; authority: string; obstacle: CaaObstacle }
  | { code: 'no-challenge-port'; blocked: readonly BlockedWay[]; chosen: boolean }
  | { code: 'address-obstacle'; host: string; obstacle: AddressObstacle; port: number; challenge: ChallengeType }
  | { code: 'private-host'; scope: string };

/** Thrown where a certificate cannot be had; nothing has been changed. */
export class OrderError extends Error {
  override readonly name = 'OrderError';
  readonly obstacle: OrderObstacle;

  constructor(obstacle: OrderObstacle, cause?: unknown) {
    super('detail' in obstacle ? obstacle.detail : obstacle.code, { cause });
    this.obstacle = obstacle;
  }
}

/** What is told of an order beside its failure. */
export interface OrderSubject {
  host: string;
  directoryUrl: string;
  way?: ChallengeWay | undefined;
}

/** The authority as people know it: its directory's host. */
export function authorityName(directoryUrl: string): string {
  return URL.canParse(directoryUrl) ? new URL(directoryUrl).host : directoryUrl;
}

/** The obstacle in whatever an order threw; undefined for what is none. */
export function obstacleOf(error: unknown, { host, directoryUrl, way }: OrderSubject): OrderObstacle | undefined {
  if (error instanceof OrderError) return error.obstacle;
  if (error instanceof UnreachableError && way !== undefined) {
    const { challenge, port, frontPort = port, outerPort } = way;
    const here = error.obstacle.code === 'silent-here';
    return {
      code: 'address-obstacle',
      host,
      obstacle: error.obstacle,
      port: here ? frontPort : outerPort,
      challenge,
    };
  }
  if (!(error instanceof AcmeError)) return undefined;
  const { reason, stage, message, retryAt } = error;
  return {
    code: 'authority',
    authority: authorityName(directoryUrl),
    reason,
    stage,
    detail: message,
    host,
    ...(way !== undefined && { challenge: way.challenge, port: way.outerPort }),
    ...(retryAt !== undefined && { retryAt: retryAt.toISOString() }),
  };
}
