import { describe, expect, it } from 'vitest';
import { findOuterInterface } from '../../../src/system/firewall/outer-interface.ts';

const routes = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0102A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
tun0	00000000	0102000A	0003	0	0	0	00000080	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;
const zeros = '0'.repeat(32);
const routes6 = `fd000000000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth0
${zeros} 00 ${zeros} 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     ens3
${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo
${zeros} 00 ${zeros} 00 ${zeros} 00000001 00000001 00000000 00000200     dead
`;

describe('findOuterInterface', () => {
  it('takes the best route to everywhere', () => {
    expect(findOuterInterface(routes, routes6)).toBe('eth0');
  });

  it('takes that of IPv6 where there is no IPv4', () => {
    expect(findOuterInterface(routes.split('\n')[0]!, routes6)).toBe('ens3');
  });

  it.each(['', 'nonsense\n\n'])('knows none without routes: %j', (text) => {
    expect(findOuterInterface(text, text)).toBeUndefined();
  });
});
