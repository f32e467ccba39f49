/** Firewalls here are what a reading of rules comes to; test/interop and test/vps have real ones. */
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/deploy/manifest.ts';
import { chooseFirewall, type FirewallLook } from '../../src/setup/firewall-choice.ts';
import type { Firewall, FirewallTool, Opening } from '../../src/system/firewall.ts';

const derp: Opening = { protocol: 'tcp', port: 443 };
const stun: Opening = { protocol: 'udp', port: 3478 };

/** A firewall by the state of each port, as `443/tcp`; ports that are not named are open. */
function firewall(tool: FirewallTool, states: Record<string, 'closed' | 'refused'> = {}, lasting = true): Firewall {
  const stateOf = ({ port, protocol }: Opening) => states[`${port}/${protocol}`] ?? 'open';
  const openCommands = (openings: readonly Opening[]) =>
    openings.filter((one) => stateOf(one) !== 'open').map(({ port }) => [tool, 'allow', String(port)]);
  return { tool, inForce: true, lasting, stateOf, openCommands, closeCommands: () => [] };
}

const manifestWith = (tool: string, openings: Opening[]): Manifest => ({
  version: '1.0.0',
  files: [],
  directories: [],
  trees: [],
  units: [],
  firewall: { tool, openings },
});

const choose = (...[first, ...rest]: Firewall[]) => {
  const facts = { firewall: first, furtherFirewalls: rest };
  return (more: Partial<FirewallLook> = {}) =>
    chooseFirewall({
      facts,
      manifest: undefined,
      serves: true,
      openings: [derp, stun],
      openFirewall: false,
      ...more,
    });
};
const nothing = { openings: [], notes: [], problems: [] };

describe('chooseFirewall', () => {
  it('has nothing to do without a firewall, without a service, and where all is open', () => {
    expect(choose()()).toEqual(nothing);
    expect(choose(firewall('ufw', { '443/tcp': 'closed' }))({ serves: false, openFirewall: true })).toEqual(nothing);
    expect(choose(firewall('ufw'))()).toEqual(nothing);
  });

  it('says what to type for the ports that are shut, and for no others', () => {
    expect(choose(firewall('ufw', { '443/tcp': 'closed' }))()).toEqual({
      ...nothing,
      notes: [{ code: 'firewall-closed', tool: 'ufw', commands: ['ufw allow 443'] }],
    });
  });

  it('has no command for a port that a rule of somebody’s own refuses', () => {
    const choice = choose(firewall('ufw', { '443/tcp': 'refused', '3478/udp': 'closed' }));
    expect(choice().notes).toEqual([
      { code: 'firewall-closed', tool: 'ufw', commands: ['ufw allow 3478'] },
      { code: 'firewall-refuses', tool: 'ufw', ports: ['443/tcp'] },
    ]);
    expect(choice({ openFirewall: true }).problems).toEqual([
      {
        subject: '--open-firewall',
        flag: '--open-firewall',
        rule: { code: 'firewall-refuses', tool: 'ufw', ports: ['443/tcp'] },
      },
    ]);
  });

  it('opens what is shut when it is told to, and says when that will not last', () => {
    const opened = choose(firewall('iptables', { '443/tcp': 'closed' }, false))({ openFirewall: true });
    expect(opened).toEqual({
      tool: 'iptables',
      openings: [derp],
      notes: [{ code: 'firewall-not-lasting', tool: 'iptables' }],
      problems: [],
    });
  });

  it('remembers what earlier runs opened, each once', () => {
    const manifest = manifestWith('ufw', [derp]);
    expect(choose(firewall('ufw'))({ manifest })).toMatchObject({ tool: 'ufw', openings: [derp], notes: [] });
    const closed = choose(firewall('ufw', { '443/tcp': 'closed', '3478/udp': 'closed' }));
    expect(closed({ manifest, openFirewall: true }).openings).toEqual([derp, stun]);
    // Closed by somebody since: they are asked again.
    expect(closed({ manifest })).toMatchObject({ openings: [], notes: [{ code: 'firewall-closed' }] });
    // Of another tool nothing was opened in this one.
    expect(choose(firewall('nftables'))({ manifest })).toMatchObject({ tool: 'nftables', openings: [] });
  });

  it('tells of further firewalls, whose rules are their owner’s business', () => {
    const both = choose(firewall('ufw', { '443/tcp': 'closed' }), firewall('nftables', { '443/tcp': 'closed' }));
    expect(both({ openFirewall: true })).toMatchObject({
      tool: 'ufw',
      notes: [{ code: 'firewall-closed', tool: 'nftables', commands: ['nftables allow 443'] }],
    });
    expect(both().notes.map((note) => 'tool' in note && note.tool)).toEqual(['ufw', 'nftables']);
  });
});
