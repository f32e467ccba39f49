/** Modes and owners: keys are for the relay alone, and the relay can read what it needs. */
import type { DoctorFacts, FileFact } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

const READABLE_BY_OTHERS = 0o077;

function judgeFile({ path, secret, wantedMode, wantedOwner, found }: FileFact): Finding[] {
  const { mode, owner } = found;
  const findings: Finding[] = [];
  if (owner !== wantedOwner) {
    findings.push(
      failed('file-owner', { path, owner, wanted: wantedOwner }, { kind: 'owner', path, owner: wantedOwner }),
    );
  }
  if (mode === wantedMode) return findings;
  const data = { path, mode, wanted: wantedMode };
  const fix = { kind: 'mode', path, mode: wantedMode } as const;
  const exposed = secret && (mode & READABLE_BY_OTHERS) !== 0;
  // Less than is wanted keeps the relay, or people, from reading it; more matters for secrets only.
  if (exposed) findings.push(failed('file-exposed', data, fix));
  else if ((wantedMode & ~mode) !== 0) findings.push(failed('file-mode', data, fix));
  else findings.push(warning('file-mode', data, fix));
  return findings;
}

export function judgePermissions({ files }: DoctorFacts): Finding[] {
  if (files.length === 0) return [];
  const found = files.flatMap(judgeFile);
  return found.length > 0 ? found : [fine('permissions-fine', {})];
}
