/** What else on this machine matters to a relay: its ports, its firewall, its Node, other relays. */

import type { Layout } from '../../../deploy/layout.ts';
import { RELAY_UNIT } from '../../../deploy/layout.ts';
import type { Opening } from '../../../deploy/steps.ts';
import { kindOf, readTextIfPresent } from '../../../system/files.ts';
import { closedPorts, detectFirewall, FirewallError, ruleCommands } from '../../../system/firewall.ts';
import { portOwner } from '../../../system/port-owner.ts';
import { CommandError, run } from '../../../system/processes.ts';
import type { ExistingDerper } from '../../derper/existing.ts';
import { findDerpers } from '../../derper/find.ts';
import { hostPortsOf } from '../../derper/host-ports.ts';
import { derperName } from '../../derper/naming.ts';
import { readDerperSettings } from '../../derper/settings.ts';
import { parseService } from '../../derper/unit-file.ts';
import type { Whereabouts } from '../../status/installed.ts';
import type { DerperFact, FirewallFacts, PortFact, RuntimeFact } from '../facts.ts';

type Ports = Whereabouts['ports'];

/** Who has each of the relay's ports. */
export async function gatherPorts({ derp, http, stun }: Ports): Promise<PortFact[]> {
  const wanted: Omit<PortFact, 'owner'>[] = [
    { purpose: 'derp', protocol: 'tcp', port: derp },
    { purpose: 'http', protocol: 'tcp', port: http },
    { purpose: 'stun', protocol: 'udp', port: stun },
  ];
  const open = wanted.filter(({ port }) => port > 0);
  return Promise.all(open.map(async (fact) => ({ ...fact, owner: await portOwner(fact.protocol, fact.port) })));
}

/** What clients must be let in to. */
export function openingsFor({ derp, http, stun }: Ports): Opening[] {
  return [
    { protocol: 'tcp', port: derp },
    ...(http > 0 ? [{ protocol: 'tcp', port: http } as const] : []),
    ...(stun > 0 ? [{ protocol: 'udp', port: stun } as const] : []),
  ];
}

/** The firewall, as root; undefined when its rules cannot be read. */
export async function gatherFirewall(ports: Ports): Promise<FirewallFacts | 'none' | undefined> {
  try {
    const firewall = await detectFirewall();
    if (firewall === undefined) return 'none';
    const closed = await closedPorts(firewall, openingsFor(ports));
    const commands = ruleCommands(firewall, closed).map((command) => command.join(' '));
    return { tool: firewall.tool, lasting: firewall.lasting, closed, commands };
  } catch (error) {
    if (error instanceof CommandError || error instanceof FirewallError) return undefined;
    throw error;
  }
}

/** The releases of Node that package.json names under "engines". */
export function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major === 20) return minor >= 19;
  return major === 22 ? minor >= 12 : major > 22;
}

/** The Node that the service's file names. */
export async function gatherRuntime(layout: Layout): Promise<RuntimeFact | undefined> {
  const text = await readTextIfPresent(layout.unit(RELAY_UNIT)).catch(() => undefined);
  const path = text === undefined ? undefined : parseService([text]).commands[0]?.[0]?.replaceAll('%%', '%');
  if (path === undefined) return undefined;
  if ((await kindOf(path).catch(() => 'file')) === 'missing') return { state: 'missing', path };
  try {
    const { code, stdout, stderr } = await run(path, ['--version'], { timeoutMs: 10_000 });
    const version = /^v(\d+\.\d+\.\d+)/.exec(stdout.trim())?.[1];
    if (code !== 0 || version === undefined) {
      return { state: 'broken', path, detail: stderr.split('\n')[0] || `exit code ${code}` };
    }
    return { state: 'works', path, version, supported: isSupportedNode(version) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { state: 'broken', path, detail: error.message };
  }
}

/** Whether a derper wants one of the relay's ports; one whose ports are not known may. */
function wantsPorts(derper: ExistingDerper, { derp, http, stun }: Ports): boolean {
  const { ports } = hostPortsOf(derper, readDerperSettings(derper));
  const tcp = [ports.derp, ports.http].some(
    (port) => port === derp || (port !== undefined && port > 0 && port === http),
  );
  return tcp || ports.derp === undefined || (stun > 0 && ports.stun === stun);
}

/** Derpers that would take the relay's ports. */
export async function gatherDerpers(ports: Ports): Promise<DerperFact[]> {
  const rivals = (await findDerpers()).filter((derper) => wantsPorts(derper, ports));
  return rivals.map((derper) => ({
    name: derperName(derper),
    running: derper.kind === 'process' || derper.running,
    enabled: derper.kind === 'unit' && derper.enabled,
  }));
}
