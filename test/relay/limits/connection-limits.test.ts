import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionLimits, type CountedConnection } from '../../../src/relay/limits/connection-limits.ts';

const none = { total: null, perAddress: null, waitingPerAddress: null };
const admitted = (limits: ConnectionLimits, address: string): CountedConnection => {
  const connection = limits.admit(address);
  if (typeof connection === 'string') throw new Error(`${address} was refused: ${connection}`);
  return connection;
};

describe('ConnectionLimits', () => {
  it('limits all connections together', () => {
    const limits = new ConnectionLimits({ ...none, total: 2 });
    const first = admitted(limits, '192.0.2.1');
    admitted(limits, '127.0.0.1');
    expect(limits.admit('192.0.2.2')).toBe('total');
    first.closed();
    first.closed();
    admitted(limits, '192.0.2.2');
    expect(limits.admit('192.0.2.3')).toBe('total');
  });

  it('limits those from one address, and from one IPv6 /64', () => {
    const limits = new ConnectionLimits({ ...none, perAddress: 1 });
    admitted(limits, '192.0.2.1');
    expect(limits.admit('192.0.2.1')).toBe('address');
    admitted(limits, '192.0.2.2');
    admitted(limits, '2001:db8::1');
    expect(limits.admit('2001:db8:0:0:ffff::2')).toBe('address');
    admitted(limits, '2001:db8:0:1::1');
  });

  it('limits those that have not logged in', () => {
    const limits = new ConnectionLimits({ ...none, waitingPerAddress: 2 });
    const [first, second] = [admitted(limits, '192.0.2.1'), admitted(limits, '192.0.2.1')];
    expect(limits.admit('192.0.2.1')).toBe('waiting');
    first.loggedIn();
    first.loggedIn();
    admitted(limits, '192.0.2.1');
    expect(limits.admit('192.0.2.1')).toBe('waiting');
    second.closed();
    admitted(limits, '192.0.2.1');
  });

  it('counts no addresses of this machine itself', () => {
    const limits = new ConnectionLimits({ total: null, perAddress: 1, waitingPerAddress: 1 });
    for (const address of ['127.0.0.1', '127.0.0.1', '::1', '::1', '127.9.9.9']) admitted(limits, address);
    expect([limits.open, limits.addresses]).toEqual([5, 0]);
  });

  it('is empty again when all have gone, whatever came in between', () => {
    const addresses = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '127.0.0.1'];
    const action = fc.record({
      what: fc.constantFrom('open', 'open', 'login', 'close'),
      address: fc.constantFrom(...addresses),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const limits = new ConnectionLimits({ total: 10, perAddress: 4, waitingPerAddress: 3 });
        const all: CountedConnection[] = [];
        const gone = new Set<CountedConnection>();
        for (const { what, address, which } of actions) {
          const connection = what === 'open' ? limits.admit(address) : all[which % (all.length || 1)];
          if (typeof connection !== 'object') continue;
          if (what === 'open') all.push(connection);
          else if (what === 'login') connection.loggedIn();
          else {
            connection.closed();
            gone.add(connection);
          }
          expect(limits.open).toBe(all.length - gone.size);
          expect(limits.open).toBeLessThanOrEqual(10);
        }
        for (const connection of all) connection.closed();
        expect([limits.open, limits.addresses]).toEqual([0, 0]);
        for (const address of addresses) admitted(limits, address);
      }),
    );
  });
});
