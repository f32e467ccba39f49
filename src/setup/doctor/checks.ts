/** Every check, in the order in which they are shown: what others depend on comes first. */
import { judgeAddresses } from './checks/addresses.ts';
import { judgeAdmission } from './checks/admission.ts';
import { judgeCertificate } from './checks/certificate.ts';
import { judgeClientSide } from './checks/client-side.ts';
import { judgeFiles } from './checks/files.ts';
import { judgeFirewall } from './checks/firewall.ts';
import { judgeHost } from './checks/host.ts';
import { judgeLog } from './checks/log.ts';
import { judgeClock, judgeDisk, judgeOpenFiles, judgePrivileges } from './checks/machine.ts';
import { judgeMap } from './checks/map.ts';
import { judgeNginx } from './checks/nginx.ts';
import { judgePace } from './checks/pace.ts';
import { judgePermissions } from './checks/permissions.ts';
import { judgePorts } from './checks/ports.ts';
import { judgeRenewal } from './checks/renewal.ts';
import { judgeRuntime } from './checks/runtime.ts';
import { judgeDerpers, judgeService, judgeVersion } from './checks/service.ts';
import { judgeTailnet } from './checks/tailnet.ts';
import { judgeUse } from './checks/use.ts';
import type { DoctorFacts } from './facts.ts';
import type { Finding } from './findings.ts';

/** What is looked at. `judge` is pure; nothing is found where its facts could not be gathered. */
interface DoctorCheck {
  id: string;
  judge(facts: DoctorFacts): Finding[];
}

const table = [
  { id: 'files', judge: judgeFiles },
  { id: 'permissions', judge: judgePermissions },
  { id: 'runtime', judge: judgeRuntime },
  { id: 'service', judge: judgeService },
  { id: 'version', judge: judgeVersion },
  { id: 'ports', judge: judgePorts },
  { id: 'nginx', judge: judgeNginx },
  { id: 'derper', judge: judgeDerpers },
  { id: 'host', judge: judgeHost },
  { id: 'firewall', judge: judgeFirewall },
  { id: 'certificate', judge: judgeCertificate },
  { id: 'renewal', judge: judgeRenewal },
  { id: 'client', judge: judgeClientSide },
  { id: 'admission', judge: judgeAdmission },
  { id: 'addresses', judge: judgeAddresses },
  { id: 'map', judge: judgeMap },
  { id: 'tailnet', judge: judgeTailnet },
  { id: 'use', judge: judgeUse },
  { id: 'clock', judge: judgeClock },
  { id: 'disk', judge: judgeDisk },
  { id: 'open-files', judge: judgeOpenFiles },
  { id: 'pace', judge: judgePace },
  { id: 'log', judge: judgeLog },
  { id: 'privileges', judge: judgePrivileges },
] as const satisfies readonly DoctorCheck[];

export type DoctorCheckId = (typeof table)[number]['id'];

/** A finding, the check that made it, and whether it is one of a relay in a container. */
export type Judged = Finding & { check: DoctorCheckId; inContainer?: true };

/** Judges everything that was found out. */
export function judgeAll(facts: DoctorFacts): Judged[] {
  const runner = facts.installed.target === 'compose' ? ({ inContainer: true } as const) : {};
  return table.flatMap(({ id, judge }) =>
    judge(facts).map((finding): Judged => ({ ...finding, check: id, ...runner })),
  );
}
