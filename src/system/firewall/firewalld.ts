/** Red Hat's firewall: ports of the zone by which strangers come in, in the running and the permanent configuration. */
import { parseService, parseZone, type ServicePorts, stateInZone, type Zone } from './firewalld-zone.ts';
import { combinedState, type Firewall, type FirewallAccess, type Opening, outputOf } from './types.ts';

/** Services that include each other in circles must not be followed for ever. */
const MAX_SERVICES = 100;

const NO_ZONE: Zone = { target: 'default', services: [], ports: [], richRules: [] };

/** The zone of the interface that strangers come in by; interfaces that nobody has put into one are in the default one. */
async function findZone(access: FirewallAccess): Promise<string | undefined> {
  const { outerInterface } = access;
  const ofInterface =
    outerInterface && (await outputOf(access, 'firewall-cmd', `--get-zone-of-interface=${outerInterface}`));
  return (ofInterface || (await outputOf(access, 'firewall-cmd', '--get-default-zone')))?.trim() || undefined;
}

/** The ports of services, those of the services that they include among them. */
async function readServices(access: FirewallAccess, names: readonly string[]): Promise<ServicePorts> {
  const told = new Map<string, { ports: string[]; includes: string[] }>();
  const wanted = [...new Set(names)];
  for (let name = wanted.pop(); name !== undefined && told.size < MAX_SERVICES; name = wanted.pop()) {
    if (told.has(name)) continue;
    const service = parseService((await outputOf(access, 'firewall-cmd', `--info-service=${name}`)) ?? '');
    told.set(name, service);
    wanted.push(...service.includes);
  }
  const portsOf = (name: string, above: readonly string[]): string[] => {
    const service = above.includes(name) ? undefined : told.get(name);
    return service ? [...service.ports, ...service.includes.flatMap((inner) => portsOf(inner, [...above, name]))] : [];
  };
  return new Map([...told.keys()].map((name) => [name, portsOf(name, [])]));
}

/** Names of services that a zone's own list or its rich rules mention. */
function mentionedServices({ services, richRules }: Zone): string[] {
  return [...services, ...richRules.flatMap((rule) => /\bservice name="([^"]+)"/.exec(rule)?.[1] ?? [])];
}

/** firewalld's rules as they are; undefined when it does not run, or this user may not use it. */
export async function readFirewalld(access: FirewallAccess): Promise<Firewall | undefined> {
  const state = await outputOf(access, 'firewall-cmd', '--state');
  const name = state?.trim() === 'running' ? await findZone(access) : undefined;
  if (name === undefined) return undefined;
  const zoneFlag = `--zone=${name}`;
  const read = async (...flags: string[]) => {
    const text = await outputOf(access, 'firewall-cmd', ...flags, zoneFlag, '--list-all');
    return text === undefined ? NO_ZONE : parseZone(text);
  };
  const now = { flags: [], zone: await read() };
  const afterReboot = { flags: ['--permanent'], zone: await read('--permanent') };
  const services = await readServices(
    access,
    [now, afterReboot].flatMap(({ zone }) => mentionedServices(zone)),
  );
  const entry = ({ protocol, port }: Opening) => `${port}/${protocol}`;
  const each = (openings: readonly Opening[], wanted: (zone: Zone, opening: Opening) => boolean, option: string) =>
    openings.flatMap((opening) =>
      [now, afterReboot]
        .filter(({ zone }) => wanted(zone, opening))
        .map(({ flags }) => ['firewall-cmd', ...flags, zoneFlag, `${option}=${entry(opening)}`]),
    );
  return {
    tool: 'firewalld',
    inForce: true,
    lasting: true,
    stateOf: (opening) => combinedState([now, afterReboot].map(({ zone }) => stateInZone(zone, opening, services))),
    openCommands: (openings) =>
      each(openings, (zone, opening) => stateInZone(zone, opening, services) !== 'open', '--add-port'),
    closeCommands: (openings) =>
      each(openings, (zone, opening) => zone.ports.includes(entry(opening)), '--remove-port'),
  };
}
