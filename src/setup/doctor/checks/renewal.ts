/** The timer that has the certificate renewed, and how its last run went. */

import { RENEW_TIMER, RENEW_UNIT } from '../../../deploy/layout.ts';
import { isInstalledTarget } from '../../../deploy/target.ts';
import { RENEWAL_BY_CRON } from '../../renewal-by-cron.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';
import { tellingLines } from './journal.ts';

/** Where there is no systemd, somebody must have told cron. */
function judgeCron(renewedByCron: boolean): Finding {
  return renewedByCron ? fine('renewal-by-cron-planned', {}) : warning('renewal-by-nobody', { line: RENEWAL_BY_CRON });
}

export function judgeRenewal({ units, installed, renewalFailure, renewedByCron }: DoctorFacts): Finding[] {
  if (renewedByCron !== undefined) return [judgeCron(renewedByCron)];
  if (units === undefined || !isInstalledTarget(installed.target)) return [];
  const { timer, renewal, timerNext, renewalJournal } = units;
  const unit = RENEW_TIMER;
  if (!timer.found) return [failed('timer-missing', { unit })];
  const found: Finding[] = [];
  if (timer.active !== 'active') found.push(failed('timer-stopped', { unit }, { kind: 'start', unit }));
  if (!timer.enabled) found.push(warning('timer-not-enabled', { unit }, { kind: 'enable', unit }));
  if (renewalFailure?.problem !== undefined) {
    const { problem, at, next, isDue } = renewalFailure;
    // Nobody misses a certificate that was ordered before its time.
    found.push((isDue ? failed : warning)('order-failed', { problem, at, next }));
  } else if (renewal.active === 'failed') {
    const journal = tellingLines(renewalJournal);
    const { exitStatus } = renewal;
    found.push(failed('renewal-failed', { unit: RENEW_UNIT, exitStatus, next: renewalFailure?.next, journal }));
  }
  return found.length > 0 ? found : [fine('renewal-planned', { next: timerNext })];
}
