/** The service: running, for long, at boot, and running what is installed. */
import { RELAY_UNIT } from '../../../deploy/layout.ts';
import type { DoctorFacts, UnitFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';
import { judgeContainer } from './container.ts';
import { tellingLines } from './journal.ts';

/** A relay that was started again by itself within this time may be about to fail once more, milliseconds. */
const RECENTLY_MS = 3_600_000;
/** One that was started again and does not answer within this time may still be loading, or about to fail, milliseconds. */
const STARTING_MS = 30_000;

function judgeUnit({ relay: state, relayJournal }: UnitFacts, facts: DoctorFacts): Finding[] {
  const { active, subState, restarts, exitStatus, result, since } = state;
  const journal = tellingLines(relayJournal);
  const unit = RELAY_UNIT;
  // Between two starts it looks as if it ran.
  const age = since === undefined ? Number.POSITIVE_INFINITY : facts.now.getTime() - since.getTime();
  const justStarted = active === 'active' && facts.relay === undefined && restarts > 0 && age < STARTING_MS;
  const again = subState === 'auto-restart' || active === 'activating' || result === 'start-limit-hit';
  if (again || justStarted) {
    return [failed('service-restarting', { unit, restarts, exitStatus, journal })];
  }
  if (active !== 'active' && active !== 'reloading') {
    return [failed('service-stopped', { unit, active, result, exitStatus, journal }, { kind: 'start', unit })];
  }
  const port = facts.where?.listens.derp;
  if (facts.relay === undefined) return port === undefined ? [] : [failed('relay-silent', { port, journal })];
  if (restarts > 0 && since !== undefined && age < RECENTLY_MS)
    return [warning('service-restarted', { restarts, since, journal })];
  return [fine('service-runs', { since, version: facts.relay.version })];
}

export function judgeService(facts: DoctorFacts): Finding[] {
  const { installed, units, container, relay } = facts;
  if (!installed.onMachine) return [warning('prepared-only', { root: installed.layout.root })];
  if (installed.target === 'foreground') {
    return [relay === undefined ? failed('foreground-ended', {}) : fine('foreground-runs', { version: relay.version })];
  }
  if (container !== undefined) return judgeContainer(container, facts);
  if (units === undefined) return [];
  const unit = RELAY_UNIT;
  if (!units.relay.found) return [failed('service-missing', { unit })];
  const found: Finding[] = [];
  if (units.relay.needsReload) found.push(warning('unit-stale', { unit }, { kind: 'daemon-reload' }));
  found.push(...judgeUnit(units, facts));
  if (!units.relay.enabled) found.push(warning('service-not-enabled', { unit }, { kind: 'enable', unit }));
  return found;
}

/** Whether the relay that answers is the one that is installed. */
export function judgeVersion({ installed, relay, key, where }: DoctorFacts): Finding[] {
  if (relay === undefined || where === undefined) return [];
  if (key.publicKey !== undefined && key.publicKey !== relay.publicKey) {
    return [failed('other-relay-answers', { port: where.listens.derp })];
  }
  const { version } = installed;
  if (version === undefined || version === relay.version) return [];
  return [warning('restart-needed', { running: relay.version, installed: version })];
}

/** Derpers that would take the ports, now or at the next start of the machine. */
export function judgeDerpers({ derpers }: DoctorFacts): Finding[] {
  const rivals = derpers.filter(({ running, enabled }) => running || enabled);
  return rivals.map(({ name, running }) => warning('derper-enabled', { name, running }));
}
