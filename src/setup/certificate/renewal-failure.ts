/** Why the certificate was not renewed the last time, and when it is tried next. */
import type { X509Certificate } from 'node:crypto';
import { type FailedOrder, type OrderMemory, waitBefore } from '../../cert/acme/attempts.ts';
import { LETS_ENCRYPT } from '../../cert/acme/directory.ts';
import { authorityName } from '../../cert/acme/obstacle.ts';
import { renewalOf } from '../../cert/acme/schedule.ts';
import type { Problem, Rule } from '../answers/problems.ts';
import { type Installed, readValue, whereabouts } from '../status/installed.ts';
import { glanceAtStore } from './order-memory.ts';

/** A failure, by what was remembered of the order, or else by what the run itself wrote. */
export interface RenewalFailure {
  at: Date | undefined;
  /** Undefined for what did not get as far as an order. */
  problem: Problem | undefined;
  /** The run's own words, in the language that it ran in; undefined where there are better ones, or none. */
  said: string | undefined;
  /** The certificate needs its successor now. */
  isDue: boolean;
  /** The earliest moment at which it is tried again by itself; undefined where nobody does. */
  next: Date | undefined;
}

/** The last run of the timer's service, and the next one. */
export interface RenewalRun {
  failed: boolean;
  endedAt: Date | undefined;
  timerNext: Date | undefined;
  /** Its last lines, the oldest first; empty where this user may not read them. */
  journal: readonly string[];
}

/** What there is to look at. */
export interface RenewalLook {
  run: RenewalRun;
  memory: OrderMemory | undefined;
  /** The certificate that is served. */
  leaf: X509Certificate | undefined;
  now: Date;
}

/** How `renew` begins the line that says why it failed. */
const SAID = /^derp-setup: (.+)$/;

/**
 * The remembered failure that explains the last run. One that kept nobody from ordering by the time the run ended is not
 * its reason: the run then failed before it came to an order, of which nothing is remembered.
 */
function explaining(memory: OrderMemory | undefined, { failed, endedAt }: RenewalRun): FailedOrder | undefined {
  const last = memory?.failures.at(-1);
  if (memory === undefined || last === undefined) return undefined;
  if (!failed || endedAt === undefined || last.at >= endedAt) return last;
  return waitBefore(memory, 'timer', endedAt) === undefined ? undefined : last;
}

function problemOf({ reason, detail, retryAt }: FailedOrder, { host, directory }: OrderMemory): Problem {
  const authority = authorityName(directory);
  if (reason === 'not-served') return { subject: host, rule: { code: 'not-served', detail } };
  const known = reason === 'unexpected' ? 'other' : reason;
  const told = { host, detail, ...(retryAt !== undefined && { retryAt: retryAt.toISOString() }) };
  const rule: Rule = { code: 'authority', authority, reason: known, stage: 'order', ...told };
  return { subject: authority, rule };
}

/** When the certificate is due, as far as it is one that is renewed at all. */
function dueAt(leaf: X509Certificate | undefined): Date | undefined {
  if (leaf === undefined || leaf.subject === leaf.issuer) return undefined;
  const validity = { notBefore: new Date(leaf.validFrom), notAfter: new Date(leaf.validTo) };
  return renewalOf(validity, leaf.fingerprint256).at;
}

const latest = (dates: readonly (Date | undefined)[]) =>
  new Date(Math.max(...dates.map((date) => date?.getTime() ?? Number.NEGATIVE_INFINITY)));

/** Pure: the failure that is not over; undefined when all went well. */
export function judgeRenewalFailure({ run, memory, leaf, now }: RenewalLook): RenewalFailure | undefined {
  const order = explaining(memory, run);
  if (order === undefined && !run.failed) return undefined;
  const { timerNext } = run;
  const wait = memory && waitBefore(memory, 'timer', now);
  const due = order && dueAt(leaf);
  return {
    at: order?.at ?? run.endedAt,
    problem: order && memory && problemOf(order, memory),
    said: order ? undefined : run.journal.flatMap((line) => SAID.exec(line)?.[1] ?? []).at(-1),
    isDue: due === undefined || due <= now,
    next: timerNext && latest([timerNext, wait?.until, due]),
  };
}

/** What is remembered of the orders of an installation; undefined where it orders none, or this user may not know. */
export async function rememberedOrders(installed: Installed): Promise<OrderMemory | undefined> {
  const given = readValue(installed.answers)?.given;
  const host = whereabouts(installed)?.host;
  if (given?.cert?.value !== 'letsencrypt' || host === undefined) return undefined;
  const directoryUrl = given.acmeDirectory?.value ?? LETS_ENCRYPT;
  const { memory } = await glanceAtStore({ host, directoryUrl, acmeDirectory: installed.layout.acmeDirectory });
  return memory;
}
