/** The nginx that shares its port with the relay: it runs, passes connections on, and will after its next start. */
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine } from '../findings.ts';

export function judgeNginx({ nginx, where }: DoctorFacts): Finding[] {
  if (nginx === undefined || where === undefined) return [];
  const { derp: port } = where.ports;
  if (nginx.state === 'absent') return [failed('nginx-missing', { port })];
  if (nginx.state === 'broken') return [failed('nginx-broken', { said: nginx.said })];
  const { version, passesOn, sitesOnPort } = nginx;
  const found: Finding[] = [];
  if (nginx.state === 'stopped') found.push(failed('nginx-stopped', {}));
  if (!passesOn) found.push(failed('nginx-route-gone', { port, relayPort: where.listens.derp }));
  // Beside our server they are in its way; without it they are what it was taken out for.
  if (passesOn) found.push(...sitesOnPort.map((place) => failed('nginx-site-on-port', { port, ...place })));
  return found.length > 0 ? found : [fine('nginx-runs', { version, port })];
}
