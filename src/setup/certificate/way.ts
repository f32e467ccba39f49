/** Who has the ports by which an authority could come, and so how its challenge is answered. */
import type { OrderObstacle } from '../../cert/acme/obstacle.ts';
import { type ChallengeWay, candidatePorts, chooseWay, type PortHolder } from '../../cert/acme/way.ts';
import type { CertificateOrder } from '../../deploy/steps.ts';
import { type PortOwner, portOwner } from '../../system/port-owner.ts';
import { portState } from '../../system/ports.ts';
import { relayPids } from '../relay-runner.ts';

/** Whether the owner of a port makes way before the order: a derper whose place is taken. */
export type MakesWay = (owner: PortOwner) => boolean;

/** A way; `rehearses`: its port is free at this moment and leads here, so that an answer can be shown there. */
export type FoundWay = { way: ChallengeWay; rehearses: boolean } | { obstacle: OrderObstacle };

/** Looks at the ports and chooses. */
export async function findWay(order: CertificateOrder, makesWay: MakesWay = () => false): Promise<FoundWay> {
  const { directoryUrl, challenge: wanted, derpPort, httpPort, behind } = order;
  const facts = { directoryUrl, wanted, derpPort, httpPort, ...(behind && { behind }) };
  const holders = new Map<number, PortHolder>();
  const busy = new Set<number>();
  const relay = await relayPids();
  for (const port of candidatePorts(facts)) {
    const state = await portState('tcp', port);
    if (state !== 'busy' && port === behind?.derpPort) {
      // Only the relay itself reads the header that every connection from there begins with.
      holders.set(port, { state: 'taken', owner: await portOwner('tcp', derpPort) });
      continue;
    }
    if (state !== 'busy') {
      holders.set(port, { state });
      continue;
    }
    busy.add(port);
    const owner = await portOwner('tcp', port);
    if (owner?.pid !== undefined && relay.has(owner.pid)) holders.set(port, { state: 'relay' });
    else holders.set(port, owner !== undefined && makesWay(owner) ? { state: 'free' } : { state: 'taken', owner });
  }
  const choice = chooseWay({ ...facts, holders });
  if ('blocked' in choice) {
    return { obstacle: { code: 'no-challenge-port', blocked: choice.blocked, chosen: wanted !== undefined } };
  }
  const { way } = choice;
  const isReachable = way.frontPort === undefined || behind?.pending !== true;
  return { way, rehearses: way.by === 'responder' && !busy.has(way.port) && isReachable };
}
