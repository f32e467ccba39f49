/** The node of a relay in the map, with one pin or another. */
import { type DerpNode, derpMapOf } from '../../derp-map/region.ts';
import type { Answers } from '../answers/questions.ts';

/** The entry that clients need while the certificate has this pin. */
export function nodeEntry(answers: Answers, pin: string): DerpNode {
  const map = derpMapOf({ ...answers, pin });
  return Object.values(map.Regions)[0]!.Nodes[0]!;
}
