import type { Facts } from '../../src/setup/facts.ts';

/** A small server without anything special, and the user is not root. */
export const plainFacts: Facts = {
  addresses: [{ address: '203.0.113.7', interface: 'eth0', scope: 'global' }],
  suggestedHost: '203.0.113.7',
  machine: { osId: 'debian', osName: 'Debian GNU/Linux 12', architecture: 'x64', memoryBytes: 2e9, isRoot: false },
  runtime: { version: '24.1.0', path: '/usr/bin/node', reachable: true },
  firewall: undefined,
  tailscaled: undefined,
  docker: undefined,
  derper: undefined,
};

/** The same as root, with systemd. */
export const serverFacts: Facts = {
  ...plainFacts,
  machine: { ...plainFacts.machine, isRoot: true, systemd: { version: 252 } },
};
