/** Everything that is said, in Simplified Chinese. */
import type { Messages } from './en.ts';
import { certificates } from './zh/certificates.ts';
import { explainCheck } from './zh/checks.ts';
import { doctor } from './zh/doctor.ts';
import { help } from './zh/help.ts';
import { nginx } from './zh/nginx.ts';
import { plan } from './zh/plan.ts';
import { problems } from './zh/problems.ts';
import { checks, notes, report } from './zh/report.ts';
import { status } from './zh/status.ts';
import { wizard } from './zh/wizard.ts';

export const zh: Messages = {
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
