import { describe, expect, it } from 'vitest';
import { parseService, parseZone, stateInZone } from '../../../src/system/firewall/firewalld-zone.ts';
import type { Opening } from '../../../src/system/firewall/types.ts';

// What firewalld 1.3.3 printed.
const listing = `public (active)
  target: default
  icmp-block-inversion: no
  interfaces: eth0
  sources: 
  services: dhcpv6-client ssh web
  ports: 443/tcp 8000-8010/udp
  protocols: 
  forward: yes
  masquerade: no
  forward-ports: 
  source-ports: 
  icmp-blocks: 
  rich rules: 
	rule priority="-5" family="ipv4" service name="http" log prefix="x" level="info" limit value="1/m" drop
	rule port port="444" protocol="tcp" accept
	rule family="ipv4" source address="10.0.0.0/8" port port="445" protocol="tcp" accept
	rule family="ipv6" port port="446" protocol="tcp" accept
	rule port port="447-450" protocol="tcp" log prefix="source" reject
	rule service name="web" drop
`;
const service = `freeipa-4
  ports: 1000-1001/tcp 1002/udp
  protocols: 
  source-ports: 
  modules: 
  destination: 
  includes: http https
  helpers: 
`;

describe('parseZone', () => {
  it('reads what a zone lets in', () => {
    const zone = parseZone(listing);
    expect(zone).toMatchObject({
      target: 'default',
      services: ['dhcpv6-client', 'ssh', 'web'],
      ports: ['443/tcp', '8000-8010/udp'],
    });
    expect(zone.richRules).toHaveLength(6);
    expect(zone.richRules[1]).toBe('rule port port="444" protocol="tcp" accept');
  });

  it('reads nothing out of nothing', () => {
    expect(parseZone('')).toEqual({ target: 'default', services: [], ports: [], richRules: [] });
  });
});

describe('parseService', () => {
  it('reads its ports, and what it includes', () => {
    expect(parseService(service)).toEqual({ ports: ['1000-1001/tcp', '1002/udp'], includes: ['http', 'https'] });
  });
});

describe('stateInZone', () => {
  const services = new Map([
    ['ssh', ['22/tcp']],
    ['web', ['80/tcp']],
    ['http', ['80/tcp']],
  ]);
  const opening = (text: string): Opening => {
    const [port, protocol] = text.split('/') as [string, Opening['protocol']];
    return { protocol, port: Number(port) };
  };

  it.each([
    ['443/tcp', 'open'],
    ['443/udp', 'closed'],
    ['8005/udp', 'open'],
    ['8011/udp', 'closed'],
    ['22/tcp', 'open'],
    ['444/tcp', 'open'],
    ['445/tcp', 'closed'],
    ['446/tcp', 'closed'],
    ['448/tcp', 'refused'],
    ['80/tcp', 'refused'],
    ['9/tcp', 'closed'],
  ] as const)('%s is %s', (port, state) => {
    expect(stateInZone(parseZone(listing), opening(port), services)).toBe(state);
  });

  it('lets everything in by a target that accepts, but what is refused', () => {
    const zone = { ...parseZone(listing), target: 'ACCEPT' };
    expect(stateInZone(zone, opening('9/tcp'), services)).toBe('open');
    expect(stateInZone(zone, opening('448/tcp'), services)).toBe('refused');
  });
});
