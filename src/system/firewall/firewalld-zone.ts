/** Reads what firewall-cmd prints of a zone, and judges what it lets in. */
import type { Opening, OpeningState } from './types.ts';

/** A zone as `firewall-cmd --list-all` prints it. */
export interface Zone {
  /** What becomes of packets that nothing in the zone is about: `ACCEPT`, or they stay out. */
  target: string;
  services: string[];
  /** `443/tcp`, `8000-8010/udp`. */
  ports: string[];
  richRules: string[];
}

/** The ports of a service, by its name. */
export type ServicePorts = ReadonlyMap<string, readonly string[]>;

const words = (text: string | undefined) => (text ?? '').split(/\s+/).filter(Boolean);

/** The `name: value` lines of a listing; rich rules follow in lines of their own, and are given in `rules`. */
function parseListing(text: string): { fields: Map<string, string>; rules: string[] } {
  const lines = text.split('\n').map((line) => line.trim());
  const fields = lines.flatMap((line): [string, string][] => {
    const found = /^([a-z-]+(?: [a-z]+)?):\s*(.*)$/.exec(line);
    return found ? [[found[1]!, found[2]!]] : [];
  });
  return { fields: new Map(fields), rules: lines.filter((line) => /^rule\s/.test(line)) };
}

/** The output of `firewall-cmd --zone=… --list-all`, of the running or of the permanent configuration. */
export function parseZone(text: string): Zone {
  const { fields, rules } = parseListing(text);
  return {
    target: fields.get('target') ?? 'default',
    services: words(fields.get('services')),
    ports: words(fields.get('ports')),
    richRules: rules,
  };
}

/** The output of `firewall-cmd --info-service=…`: its ports, and the services that it includes. */
export function parseService(text: string): { ports: string[]; includes: string[] } {
  const { fields } = parseListing(text);
  return { ports: words(fields.get('ports')), includes: words(fields.get('includes')) };
}

/** Whether `443/tcp` or `8000-8010/udp` holds the port. */
function holds(entry: string, { protocol, port }: Opening): boolean {
  const found = /^(\d+)(?:-(\d+))?\/(\w+)$/.exec(entry);
  if (!found || found[3] !== protocol) return false;
  const from = Number(found[1]);
  return port >= from && port <= Number(found[2] ?? from);
}

/** What a rich rule does with everybody's packets to the port; undefined when it is about others, or only some. */
function richVerdict(rule: string, opening: Opening, services: ServicePorts): 'accept' | 'drop' | undefined {
  const isForSome = /\b(source|destination|limit)\b/.test(rule.replaceAll(/"[^"]*"/g, '""'));
  const port = /\bport port="([\d-]+)" protocol="(\w+)"/.exec(rule);
  const service = /\bservice name="([^"]+)"/.exec(rule)?.[1];
  const entries = port ? [`${port[1]}/${port[2]}`] : (services.get(service ?? '') ?? []);
  if (isForSome || !entries.some((entry) => holds(entry, opening))) return undefined;
  // A rule for one family does not open the port for the other; one that refuses does close it for its own.
  if (/\b(drop|reject)\b/.test(rule)) return 'drop';
  return /\baccept\b/.test(rule) && !/\bfamily="/.test(rule) ? 'accept' : undefined;
}

/** Whether a zone lets everybody in by a port. */
export function stateInZone(zone: Zone, opening: Opening, services: ServicePorts): OpeningState {
  const verdicts = zone.richRules.map((rule) => richVerdict(rule, opening, services));
  if (verdicts.includes('drop')) return 'refused';
  if (zone.target === 'ACCEPT' || verdicts.includes('accept')) return 'open';
  const entries = [...zone.ports, ...zone.services.flatMap((name) => services.get(name) ?? [])];
  return entries.some((entry) => holds(entry, opening)) ? 'open' : 'closed';
}
