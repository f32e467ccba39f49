/** All that the doctor says of what it finds. */
import type { FindingMessages } from '../finding-wording.ts';
import { admission } from './findings/admission.ts';
import { certificate } from './findings/certificate.ts';
import { installation } from './findings/installation.ts';
import { machine } from './findings/machine.ts';
import { map } from './findings/map.ts';
import { nginx } from './findings/nginx.ts';
import { reach } from './findings/reach.ts';

export const findings: FindingMessages = {
  ...installation,
  ...reach,
  ...certificate,
  ...admission,
  ...map,
  ...machine,
  ...nginx,
};
