import type { FuzzTarget } from '../target.ts';
import { addressTargets } from './addresses.ts';
import { certificateTargets } from './certificates.ts';
import { derperTargets } from './derper.ts';
import { fileTargets } from './files.ts';
import { frameTargets } from './frames.ts';
import { httpTargets } from './http.ts';
import { loginTargets } from './logins.ts';
import { sessionTargets } from './sessions.ts';
import { tlsTargets } from './tls.ts';

/** Everything that reads bytes of strangers, of operators, and of other programs. */
export const targets: readonly FuzzTarget[] = [
  ...frameTargets,
  ...sessionTargets,
  ...loginTargets,
  ...certificateTargets,
  ...httpTargets,
  ...addressTargets,
  ...tlsTargets,
  ...fileTargets,
  ...derperTargets,
];
