/** What clients are told of the relay: the region's number, and that the map fits what is served. */
import { lintRegionId } from '../../../derp-map/lint.ts';
import { mapEntry, readValue } from '../../status/installed.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine, warning } from '../findings.ts';

const USUAL_PORTS = { derp: 443, stun: 3478 };

export function judgeMap({ installed, certificate, where }: DoctorFacts): Finding[] {
  const map = readValue(installed.derpMap);
  const entry = map && mapEntry(map);
  if (entry === undefined) return [];
  const { path } = installed.derpMap;
  const { region, node } = entry;
  const regionId = region.RegionID;
  const found: Finding[] = [];
  const { DERPPort = USUAL_PORTS.derp, STUNPort = USUAL_PORTS.stun } = node;
  if (where !== undefined) {
    const { host, ports } = where;
    const same = node.HostName === host && DERPPort === ports.derp && STUNPort === ports.stun;
    if (!same) found.push(failed('map-differs', { path }));
  }
  const certificatePin = certificate?.served?.pin ?? certificate?.pair?.pin;
  const mapPin = where?.pin;
  if (mapPin !== undefined && certificatePin !== undefined && mapPin !== certificatePin) {
    found.push(failed('pin-differs', { path, mapPin, certificatePin }));
  }
  for (const { rule } of lintRegionId(regionId)) {
    if (rule === 'tailscale-region') found.push(warning('region-of-tailscale', { regionId }));
    else found.push(warning('region-out-of-range', { regionId }));
  }
  return found.length > 0 ? found : [fine('map-fine', { regionId })];
}
