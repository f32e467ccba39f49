/** A plan: what will be done, what the relay is told, how it is proved, and what goes into the tailnet's map. */
import type { DerpMap } from '../derp-map/region.ts';
import type { ProbeOptions } from '../probe/check.ts';
import type { RelayConfig } from '../relay/config.ts';
import type { Step } from './steps.ts';

/** What will be done: the steps, and then the proof. */
export interface Plan {
  steps: Step[];
  relay: RelayConfig;
  probe: ProbeOptions;
  derpMap: DerpMap;
}
