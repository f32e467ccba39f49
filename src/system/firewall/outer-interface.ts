/** The interface by which strangers come in: the one that leads to everywhere. */

const RTF_REJECT = 0x0200;

interface Route {
  name: string;
  metric: number;
}

/** Columns of /proc/net/route: Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask. */
function defaultRoutes(routes: string): Route[] {
  return routes.split('\n').flatMap((line) => {
    const [name, destination, , , , , metric, mask] = line.trim().split(/\s+/);
    const leadsEverywhere = destination === '00000000' && mask === '00000000';
    return name && leadsEverywhere ? [{ name, metric: Number(metric) }] : [];
  });
}

/** Columns of /proc/net/ipv6_route: destination, its bits, source, its bits, next hop, metric, …, flags, interface. */
function defaultRoutes6(routes: string): Route[] {
  return routes.split('\n').flatMap((line) => {
    const [destination, bits, , , , metric, , , flags, name] = line.trim().split(/\s+/);
    const leadsEverywhere = /^0{32}$/.test(destination ?? '') && bits === '00';
    const isUsable = name !== 'lo' && (Number.parseInt(flags ?? '', 16) & RTF_REJECT) === 0;
    return name && leadsEverywhere && isUsable ? [{ name, metric: Number.parseInt(metric ?? '', 16) }] : [];
  });
}

/** The name of it, from the texts of /proc/net/route and /proc/net/ipv6_route; the best route of IPv4 goes first. */
export function findOuterInterface(routes: string, routes6: string): string | undefined {
  const best = (found: Route[]) => found.sort((a, b) => a.metric - b.metric)[0]?.name;
  return best(defaultRoutes(routes)) ?? best(defaultRoutes6(routes6));
}
