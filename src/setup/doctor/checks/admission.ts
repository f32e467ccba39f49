/** Who may use the relay, and whether those who decide it can be asked. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import type { AdmissionRules } from '../../../relay/config.ts';
import { readValue } from '../../status/installed.ts';
import { compareVersions } from '../../versions.ts';
import type { AdmissionFacts, DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';
import { relayLog } from '../relay-log.ts';
import { refusedClients } from './journal.ts';

/** tailscaled can be asked about keys since this release. Source: tailscale issue 12617. */
const FIRST_TAILSCALED = '1.70.0';

function judgeTailscaled({ state, version, detail }: NonNullable<AdmissionFacts['tailscaled']>): Finding {
  switch (state) {
    case 'absent':
      return failed('tailscaled-absent', {});
    case 'needs-login':
      return failed('tailscaled-logged-out', {});
    case 'stopped':
      return failed('tailscaled-stopped', {});
    case 'silent':
      return failed('tailscaled-silent', { detail: detail ?? '' });
    case 'running':
      if (version !== undefined && compareVersions(version, FIRST_TAILSCALED) < 0) {
        return failed('tailscaled-old', { version, first: FIRST_TAILSCALED });
      }
      return detail === undefined ? fine('tailscaled-answers', { version }) : failed('tailscaled-silent', { detail });
  }
}

function judgeSources({ tailscaled, url, keyFile }: AdmissionFacts): Finding[] {
  const found: Finding[] = tailscaled === undefined ? [] : [judgeTailscaled(tailscaled)];
  if (url !== undefined && 'detail' in url) found.push(failed('admission-url-fails', url));
  else if (url !== undefined) {
    const data = { url: url.url };
    found.push(
      url.answer === 'admits' ? warning('admission-url-admits-all', data) : fine('admission-url-answers', data),
    );
  }
  if (keyFile !== undefined && 'detail' in keyFile) found.push(failed('key-list-bad', keyFile));
  else if (keyFile?.reachable === false) found.push(failed('key-list-unreachable', { path: keyFile.path }));
  else if (keyFile !== undefined) {
    // With nobody else to ask, an empty list keeps everybody out.
    const alone = tailscaled === undefined && url === undefined;
    const empty = keyFile.keys === 0 && alone;
    found.push(
      empty
        ? warning('key-list-empty', { path: keyFile.path })
        : fine('key-list-fine', { path: keyFile.path, keys: keyFile.keys }),
    );
  }
  return found;
}

/** How the relay asks the URL: what it does without an answer, and who could answer in its place. */
function judgeUrlRules(rules: AdmissionRules['url']): Finding[] {
  if (rules === undefined || !URL.canParse(rules.url)) return [];
  const { url } = rules;
  const { protocol, hostname } = new URL(url);
  const within = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  return [
    ...(rules.failOpen ? [warning('admission-url-open', { url })] : []),
    ...(protocol === 'http:' && !within ? [warning('admission-url-plain', { url })] : []),
  ];
}

export function judgeAdmission(facts: DoctorFacts): Finding[] {
  const { admission, installed, relay, host, tailnet, now } = facts;
  const rules = readValue(installed.relay)?.admission;
  const open = relay?.admission === undefined ? rules === null : relay.admission.length === 0;
  // A relay in the foreground is tried out, and ended again; the run itself says that it is open.
  const isRestricted =
    relay?.addressLists === undefined
      ? readValue(installed.relay)?.allowCidr != null
      : relay.addressLists.allow !== null;
  if (open && isInstalledTarget(installed.target)) {
    return [isRestricted ? warning('open-to-addresses', {}) : warning('open-relay', {})];
  }
  if (open) return [];
  const found = judgeSources(admission);
  found.push(...judgeUrlRules(rules?.url));
  const { keyFile } = admission;
  // A list alone decides; beside others it only adds to them.
  const leftOut = rules?.tailscaled || rules?.url || !keyFile || 'detail' in keyFile ? [] : keyFile.leftOut;
  if (leftOut.length > 0) {
    const nodes = leftOut.map(({ name, shortKey }) => ({ name, key: shortKey }));
    found.push(warning('members-not-listed', { path: keyFile!.path, nodes }));
  }
  const failures = relay?.admissionFailures ?? 0;
  const answering = found.every(({ level }) => level !== 'failed');
  if (failures > 0 && answering) found.push(warning('admission-unanswered', { failures }));
  const ownAddresses = (host?.routes ?? []).filter(({ local }) => local).map(({ address }) => address);
  const names = new Map((tailnet?.nodes ?? []).map(({ shortKey, name }) => [shortKey, name]));
  const refused = refusedClients(relayLog(facts), now, ownAddresses).map((one) => {
    const name = names.get(one.key);
    return { ...one, ...(name !== undefined && { name }) };
  });
  if (refused.length > 0) found.push(warning('refused-lately', { refused }));
  return found;
}
