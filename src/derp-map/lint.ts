/** Rules for the names and numbers of a region; what breaks clients is an error, what may surprise is a warning. */

/**
 * - `out-of-range`, `bad-code`, `bad-name`, `bad-node-name`: clients or control servers refuse or mangle it.
 * - `tailscale-region`: the number is, or may become, one of Tailscale's own regions, which this one would replace.
 * - `outside-custom-range`: not among the numbers that Tailscale keeps free for everybody's own relays.
 */
export type RegionRule =
  | 'out-of-range'
  | 'bad-code'
  | 'bad-name'
  | 'bad-node-name'
  | 'tailscale-region'
  | 'outside-custom-range';

/** One remark on one field. */
export interface RegionFinding {
  field: 'regionId' | 'regionCode' | 'regionName' | 'nodeName';
  level: 'error' | 'warning';
  rule: RegionRule;
}

export const MAX_REGION_ID = 65_535;
const CUSTOM_REGIONS = { first: 900, last: 999 };

/** Remarks on a region's number. */
export function lintRegionId(id: number): RegionFinding[] {
  if (!Number.isInteger(id) || id < 1 || id > MAX_REGION_ID) {
    return [{ field: 'regionId', level: 'error', rule: 'out-of-range' }];
  }
  if (id < CUSTOM_REGIONS.first) return [{ field: 'regionId', level: 'warning', rule: 'tailscale-region' }];
  if (id > CUSTOM_REGIONS.last) return [{ field: 'regionId', level: 'warning', rule: 'outside-custom-range' }];
  return [];
}

/** Remarks on a region's code: it names the region in clients' reports and in the labels of metrics. */
export function lintRegionCode(code: string): RegionFinding[] {
  const fine = /^[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?$/.test(code);
  return fine ? [] : [{ field: 'regionCode', level: 'error', rule: 'bad-code' }];
}

/** Remarks on a region's name, which is shown to people: any script, but one printable line. */
export function lintRegionName(name: string): RegionFinding[] {
  const fine = name.trim() === name && /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u.test(name);
  return fine ? [] : [{ field: 'regionName', level: 'error', rule: 'bad-name' }];
}

/** Remarks on a node's name, unique across all regions; `900a` by custom. */
export function lintNodeName(name: string): RegionFinding[] {
  const fine = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})?$/.test(name);
  return fine ? [] : [{ field: 'nodeName', level: 'error', rule: 'bad-node-name' }];
}
