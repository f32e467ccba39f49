/**
 * What is remembered of orders between runs, so that a failure is not repeated before it can have been mended: the
 * authority counts failures, and turns those away who do not stop.
 */
import type { AcmeReason } from './failure.ts';

const HOUR_MS = 3600 * 1000;
/** How long nobody but a person tries again, by how often it has failed in a row. */
const BACK_OFF_HOURS = [1, 3, 6, 12, 24];
/** Let's Encrypt allows five failed validations an hour for each name; one is kept for the timer. */
const FAILURES_AN_HOUR = 4;

/** A failed order. */
export interface FailedOrder {
  at: Date;
  reason: AcmeReason | 'not-served' | 'unexpected';
  /** The authority's words, or ours. */
  detail: string;
  /** Before this moment the authority does not want to be asked again. */
  retryAt?: Date;
}

/** What is remembered, of one host at one authority. */
export interface OrderMemory {
  host: string;
  directory: string;
  /** The failures since the last success, the latest last. */
  failures: FailedOrder[];
  /** The certificate that was issued last. */
  issued?: { at: Date; fingerprint: string; profile?: string };
}

/** Who wants to order: the timer, or a person who may have mended what was wrong. */
export type Asker = 'timer' | 'person';

/** Why not now, and when. `authority`: it has said so itself, and nobody goes over that. */
export interface Wait {
  until: Date;
  by: 'authority' | 'back-off';
}

/** So many failures are kept. */
const KEPT = 10;

/** Nothing has been ordered yet. */
export function freshMemory(host: string, directory: string): OrderMemory {
  return { host, directory, failures: [] };
}

/** Whether an order must wait; undefined when it may be made now. */
export function waitBefore({ failures }: OrderMemory, asker: Asker, now: Date): Wait | undefined {
  const retryAt = failures.map((failure) => failure.retryAt?.getTime() ?? 0);
  const byAuthority = Math.max(0, ...retryAt);
  if (byAuthority > now.getTime()) return { until: new Date(byAuthority), by: 'authority' };
  const last = failures.at(-1);
  if (last === undefined) return undefined;
  const until =
    asker === 'person'
      ? (failures.at(-FAILURES_AN_HOUR)?.at.getTime() ?? Number.NEGATIVE_INFINITY) + HOUR_MS
      : last.at.getTime() + BACK_OFF_HOURS[Math.min(failures.length, BACK_OFF_HOURS.length) - 1]! * HOUR_MS;
  // A clock that was set back must not make for a wait without end.
  const sane = last.at <= now || last.at.getTime() - now.getTime() < HOUR_MS;
  return sane && until > now.getTime() ? { until: new Date(until), by: 'back-off' } : undefined;
}

/** The memory after one more failure. */
export function withFailure(memory: OrderMemory, failure: FailedOrder): OrderMemory {
  return { ...memory, failures: [...memory.failures, failure].slice(-KEPT) };
}

/** The memory after a success: what went wrong before is over. */
export function withSuccess(memory: OrderMemory, issued: NonNullable<OrderMemory['issued']>): OrderMemory {
  return { ...memory, failures: [], issued };
}

const dateOf = (value: unknown): Date | undefined => {
  const date = new Date(String(value));
  return typeof value === 'string' && !Number.isNaN(date.getTime()) ? date : undefined;
};

/** The text of the file. */
export function formatMemory(memory: OrderMemory): string {
  return `${JSON.stringify({ version: 1, ...memory }, null, 2)}\n`;
}

/** Reads the file's text. Undefined for one that is damaged, or of another host or authority: nothing is remembered then. */
export function parseMemory(text: string, host: string, directory: string): OrderMemory | undefined {
  try {
    const json = JSON.parse(text) as Partial<Record<keyof OrderMemory, unknown>>;
    if (json.host !== host || json.directory !== directory || !Array.isArray(json.failures)) return undefined;
    const failures = json.failures.flatMap((failure: Record<string, unknown> | null): FailedOrder[] => {
      const at = dateOf(failure?.at);
      if (at === undefined) return [];
      const retryAt = dateOf(failure?.retryAt);
      const reason = String(failure?.reason) as FailedOrder['reason'];
      return [{ at, reason, detail: String(failure?.detail ?? ''), ...(retryAt && { retryAt }) }];
    });
    const issued = json.issued as Record<string, unknown> | undefined;
    const issuedAt = dateOf(issued?.at);
    if (issuedAt === undefined || typeof issued?.fingerprint !== 'string') return { host, directory, failures };
    const { fingerprint, profile } = issued;
    return {
      host,
      directory,
      failures,
      issued: { at: issuedAt, fingerprint, ...(typeof profile === 'string' && { profile }) },
    };
  } catch {
    return undefined;
  }
}
