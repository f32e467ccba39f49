/** Everything that is said, in English. The Chinese catalogue has the same keys, or the types do not fit. */

import { certificates } from './en/certificates.ts';
import { doctor } from './en/doctor.ts';
import { help } from './en/help.ts';
import { nginx } from './en/nginx.ts';
import { plan } from './en/plan.ts';
import { problems } from './en/problems.ts';
import { checks, explainCheck, notes, report } from './en/report.ts';
import { status } from './en/status.ts';
import { wizard } from './en/wizard.ts';

export const en = {
  help,
  problems,
  notes,
  checks,
  explainCheck,
  report,
  status,
  doctor,
  plan,
  wizard,
  certificates,
  nginx,
};

export type Messages = typeof en;
