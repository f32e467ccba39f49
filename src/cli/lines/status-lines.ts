/** A status on one screen, and as a line for logs. */

import type { ChalkInstance } from 'chalk';
import { isInstalledTarget } from '../../deploy/target.ts';
import type { RenewalFailure } from '../../setup/certificate/renewal-failure.ts';
import type { RelayCounters, Traffic } from '../../setup/status/counters.ts';
import type { Status } from '../../setup/status/status.ts';
import { compareVersions } from '../../setup/versions.ts';
import type { Messages } from '../messages/en.ts';
import { wordingOf } from '../problem-list.ts';
import { formatBytes, formatClock, formatDay, formatTime } from './figures.ts';
import { hangClauses, hangParts } from './hanging-lines.ts';
import { displayWidth, harmless, padTo } from './text.ts';

type StatusMessages = Pick<Messages, 'problems' | 'status'>;
type Words = Messages['status'];
type Label = keyof Words['labels'];

const SEPARATOR = ' · ';
const join = (parts: readonly (string | undefined | false)[]) =>
  parts.filter((part) => part !== undefined && part !== false && part !== '').join(SEPARATOR);

/** Of a pin, enough to compare it with the derpMap's: `sha256-raw:` and 12 of its 64 digits. */
const SHOWN_PIN = 23;

/** Why there is no new certificate, in words. */
export function failureReason({ problem, said }: RenewalFailure, messages: StatusMessages): string | undefined {
  return problem === undefined ? said : `${problem.subject} ${wordingOf(problem.rule, messages).rule}`;
}

const secondsSince = (date: Date, now: Date) => Math.max(0, (now.getTime() - date.getTime()) / 1000);

function hostLine({ host, ports, front }: Status, words: Words): string | undefined {
  if (host === undefined || ports === undefined) return undefined;
  const { derp, http, stun } = ports;
  const open = [`${derp}/tcp`, ...(http > 0 ? [`${http}/tcp`] : []), ...(stun > 0 ? [`${stun}/udp`] : [])];
  return join([host, open.join(' '), front && words.behind([front.name, front.version].join(' ').trim())]);
}

function serviceLine({ service, target, relay }: Status, words: Words, now: Date): string | undefined {
  if (service === undefined) return target === 'foreground' && relay !== undefined ? words.foreground : undefined;
  const { active, subState, since, pid, restarts, enabled } = service;
  return join([
    words.active(active, subState),
    since && words.since(formatTime(since), secondsSince(since, now)),
    pid !== undefined && words.pid(pid),
    restarts > 0 && words.restarts(restarts),
    words.atBoot(enabled),
  ]);
}

function containerLine({ container }: Status, words: Words, now: Date): string | undefined {
  if (container === undefined) return undefined;
  const { found, status, health, image, since, pid, restarts, startsAtBoot } = container;
  if (!found) return words.containerStates.missing;
  const state = words.containerStates[status] ?? status;
  return join([
    health === undefined || status !== 'running' ? state : words.containerHealth(state, health),
    since && status === 'running' && words.since(formatTime(since), secondsSince(since, now)),
    pid !== undefined && words.pid(pid),
    restarts > 0 && words.restarts(restarts),
    words.atBoot(startsAtBoot),
    image,
  ]);
}

function versionsLine({ versions, target }: Status, words: Words): string {
  const { own, installed, running } = versions;
  const hint =
    installed !== undefined && running !== undefined && installed !== running
      ? target === 'compose'
        ? words.recreateNeeded
        : words.restartNeeded
      : isInstalledTarget(target) &&
        installed !== undefined &&
        compareVersions(own, installed) > 0 &&
        words.upgradeable;
  return join([
    installed !== undefined && words.installedVersion(installed),
    running !== undefined && words.runningVersion(running),
    own !== installed && own !== running && words.ownVersion(own),
    hint,
  ]);
}

function certificateLine({ certificate, renewal }: Status, words: Words): string | undefined {
  if (certificate === undefined) return undefined;
  const { notAfter, daysLeft, mode, source } = certificate;
  return join([
    words.until(formatDay(notAfter), daysLeft),
    mode && (words.modes[mode] ?? mode),
    source === 'file' && words.fromFile,
    renewal?.failed && renewal.failure === undefined && words.renewalFailed,
    renewal && !renewal.active && words.renewalOff,
    renewal?.next && words.renewalNext(formatTime(renewal.next)),
  ]);
}

/** Why there is no new certificate, and when it is tried again; what cannot be known is left out. */
function renewalLine({ renewal }: Status, messages: StatusMessages): string | undefined {
  const { failure } = renewal ?? {};
  if (failure === undefined) return undefined;
  const { status: words } = messages;
  const { at, next } = failure;
  return join([
    words.renewalFailure(at && formatTime(at), failureReason(failure, messages)),
    next && words.renewalAgain(formatTime(next)),
  ]);
}

function clientsLine({ clients, logins }: RelayCounters, words: Words): string {
  const { fastStart, upgrade, websocket } = logins;
  const total = fastStart + upgrade + websocket;
  const told = total > 0 ? words.loginWays(total, fastStart, upgrade, websocket) : words.logins(total);
  return join([words.clientsNow(clients), told]);
}

/** What goes through now, a second. */
function rates(traffic: Traffic, words: Words): string {
  const { bytesReceived, bytesSent } = traffic;
  return words.inAndOut(`${formatBytes(bytesReceived)}/s`, `${formatBytes(bytesSent)}/s`);
}

function trafficLine({ bytesReceived, bytesSent }: RelayCounters, traffic: Traffic | undefined, words: Words): string {
  const total = words.inAndOut(formatBytes(bytesReceived), formatBytes(bytesSent));
  return join([words.sinceStart(total), traffic && rates(traffic, words)]);
}

function droppedLine({ drops, overLimit }: RelayCounters, words: Words): string {
  const reasons = Object.entries(drops).map(([reason, packets]) =>
    words.droppedPackets(words.reasons[reason] ?? reason, packets),
  );
  return join([reasons.join(', '), overLimit > 0 && words.overLimit(overLimit)]);
}

function admissionLine({ admission, relay }: Status, words: Words): string | undefined {
  if (admission === undefined) return undefined;
  const everyone = typeof relay?.addressLists?.allow === 'number' ? words.everyoneAllowed : words.everyone;
  const ways = admission.map((way) => (way === 'none' ? everyone : (words.ways[way] ?? way)));
  return join([
    ways.join(' + '),
    relay && relay.logins.refused > 0 && words.refused(relay.logins.refused),
    relay && relay.admissionRemovals > 0 && words.removed(relay.admissionRemovals),
    relay && relay.admissionFailures > 0 && words.unanswered(relay.admissionFailures),
  ]);
}

/** Which addresses may reach the relay, where that is not all of them, and how fast a client may send. */
function limitsLine(
  { addressLists, addressesRefused, addressRemovals, clientRate }: RelayCounters,
  words: Words,
): string {
  const { allow = null, deny = null } = addressLists ?? {};
  return join([
    allow !== null && words.mayConnect(allow),
    deny !== null && words.mayNotConnect(deny),
    addressesRefused > 0 && words.refused(addressesRefused),
    addressRemovals > 0 && words.removed(addressRemovals),
    clientRate > 0 && words.clientRate(`${formatBytes(clientRate)}/s`),
  ]);
}

function mapLine({ map }: Status, words: Words): string | undefined {
  return (
    map &&
    join([
      words.region(map.regionId, map.regionCode),
      words.node(map.nodeName),
      map.pin && words.pin(map.pin.slice(0, SHOWN_PIN)),
    ])
  );
}

function title(
  { ok, versions, relay, service, container }: Status,
  words: Words,
  now: Date,
  paint: ChalkInstance,
): string {
  const name = `derp-relay ${versions.running ?? versions.installed ?? versions.own}`;
  const since = service?.since ?? container?.since;
  const seconds = since ? secondsSince(since, now) : relay?.uptimeSeconds;
  const serving = seconds === undefined ? words.title.serving : words.title.serves(seconds);
  return ok ? `${paint.green('✔')} ${name} · ${serving}` : `${paint.red('✖')} ${name} · ${words.title.failing}`;
}

/**
 * The whole status. The symbols say all that the colours say.
 * @param columns of the terminal; undefined where there is none
 */
export function statusLines(
  current: Status,
  messages: StatusMessages,
  paint: ChalkInstance,
  now: Date,
  columns?: number,
): string[] {
  const { status: words } = messages;
  const { relay } = current;
  const rows: [Label, string | undefined][] = [
    ['host', hostLine(current, words)],
    ['service', serviceLine(current, words, now)],
    ['container', containerLine(current, words, now)],
    ['versions', versionsLine(current, words)],
    ['certificate', certificateLine(current, words)],
    ['renewal', renewalLine(current, messages)],
    ['clients', relay && clientsLine(relay, words)],
    ['traffic', relay && trafficLine(relay, current.traffic, words)],
    ['dropped', relay && droppedLine(relay, words)],
    ['admission', admissionLine(current, words)],
    ['limits', relay && limitsLine(relay, words)],
    ['stun', relay && current.ports && current.ports.stun > 0 ? words.stunAnswered(relay.stun.answered) : undefined],
    ['memory', relay && formatBytes(relay.rssBytes)],
    ['map', mapLine(current, words)],
    [
      'unreadable',
      current.unreadable.length > 0 ? `${current.unreadable.join(', ')} (${words.mayNotRead})` : undefined,
    ],
  ];
  const width = Math.max(...Object.values(words.labels).map(displayWidth));
  const shown = rows.filter(([, text]) => text !== undefined && text !== '');
  return [
    title(current, words, now, paint),
    ...shown.flatMap(([label, text]) => {
      const first = `  ${paint.dim(padTo(words.labels[label], width))}  `;
      const parts = harmless(text!).split(SEPARATOR);
      return hangParts(first, width + 4, { parts, separator: SEPARATOR }, columns);
    }),
    ...current.shortcomings.flatMap((shortcoming) => {
      const { text, remedy } = words.shortcomings[shortcoming];
      return [`  ${paint.red('✖')} ${text}`, ...hangClauses('      → ', 8, remedy, columns)];
    }),
  ];
}

/** The figures that change, in a line with the time, for logs and pipes. */
export function watchLine(
  { relay, traffic }: Status,
  { status: words }: Pick<Messages, 'status'>,
  droppedSince: number,
  now: Date,
): string {
  if (relay === undefined) return `${formatClock(now)}  ${words.noRelay}`;
  return `${formatClock(now)}  ${join([
    `${words.labels.clients} ${words.clientsNow(relay.clients)}`,
    traffic && rates(traffic, words),
    words.droppedRate(droppedSince),
    formatBytes(relay.rssBytes),
  ])}`;
}
