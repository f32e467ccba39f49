import type { Fault } from '../target.ts';
import { brokenFrames, halfClosed, pesterers, resets, slowReader } from './clients.ts';
import { duplicateKeys } from './duplicate-keys.ts';
import { addressLists, overRate } from './limits.ts';
import { reloads } from './reloads.ts';
import { drip, garbage, oddRequests, silence, storm, stunNoise, visitors } from './strangers.ts';

/** Everything bad that tests do to a relay, from the harmless to the nasty. */
export const faults: readonly Fault[] = [
  visitors,
  drip,
  storm,
  garbage,
  oddRequests,
  stunNoise,
  brokenFrames,
  pesterers,
  slowReader,
  halfClosed,
  resets,
  duplicateKeys,
  reloads,
  addressLists,
  overRate,
  silence,
];
