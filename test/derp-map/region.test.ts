import { describe, expect, it } from 'vitest';
import { headscaleYaml } from '../../src/derp-map/headscale.ts';
import { derpMapOf, policySnippet, type RelayDescription } from '../../src/derp-map/region.ts';

const relay: RelayDescription = {
  regionId: 900,
  regionCode: 'myderp',
  regionName: 'My DERP',
  nodeName: '900a',
  host: 'derp.example.com',
  derpPort: 443,
  stunPort: 3478,
  httpPort: 80,
};
const pin = `sha256-raw:${'ab'.repeat(32)}`;
const nodeOf = (changes: Partial<RelayDescription>) => derpMapOf({ ...relay, ...changes }).Regions['900']!.Nodes[0];

describe('derpMapOf', () => {
  it('writes nothing that clients assume anyway', () => {
    expect(derpMapOf(relay)).toEqual({
      Regions: {
        '900': {
          RegionID: 900,
          RegionCode: 'myderp',
          RegionName: 'My DERP',
          Nodes: [{ Name: '900a', RegionID: 900, HostName: 'derp.example.com', CanPort80: true }],
        },
      },
    });
  });

  it('writes ports that are not the usual ones, and -1 for no STUN', () => {
    expect(nodeOf({ derpPort: 8443, stunPort: 3479 })).toMatchObject({ DERPPort: 8443, STUNPort: 3479 });
    expect(nodeOf({ stunPort: -1 })).toMatchObject({ STUNPort: -1 });
  });

  it.each([-1, 8080])('promises no port 80 when HTTP is on %i', (httpPort) => {
    expect(nodeOf({ httpPort })).not.toHaveProperty('CanPort80');
  });

  it('gives an address as host in the field of its family too', () => {
    expect(nodeOf({ host: '203.0.113.7' })).toMatchObject({ HostName: '203.0.113.7', IPv4: '203.0.113.7' });
    const v6 = nodeOf({ host: '2001:db8::7' });
    expect(v6).toMatchObject({ HostName: '2001:db8::7', IPv6: '2001:db8::7' });
    expect(v6).not.toHaveProperty('IPv4');
  });

  it('writes the addresses that were given for a name', () => {
    expect(nodeOf({ ipv4: '203.0.113.7', ipv6: 'none' })).toMatchObject({ IPv4: '203.0.113.7', IPv6: 'none' });
  });

  it('puts the pin into CertName', () => {
    expect(nodeOf({ pin })).toMatchObject({ CertName: pin });
  });
});

const pinned = derpMapOf({ ...relay, host: '203.0.113.7', derpPort: 8443, stunPort: -1, httpPort: -1, pin });

describe('policySnippet', () => {
  it('is a member of the policy file, as it is to be pasted', () => {
    expect(policySnippet(pinned)).toBe(`"derpMap": {
  "Regions": {
    "900": {
      "RegionID": 900,
      "RegionCode": "myderp",
      "RegionName": "My DERP",
      "Nodes": [
        {
          "Name": "900a",
          "RegionID": 900,
          "HostName": "203.0.113.7",
          "CertName": "${pin}",
          "IPv4": "203.0.113.7",
          "DERPPort": 8443,
          "STUNPort": -1
        }
      ]
    }
  }
}`);
    expect(JSON.parse(`{${policySnippet(pinned)}}`)).toEqual({ derpMap: pinned });
  });
});

describe('headscaleYaml', () => {
  it('has the same fields in lower case', () => {
    expect(headscaleYaml(pinned)).toBe(`regions:
  900:
    regionid: 900
    regioncode: "myderp"
    regionname: "My DERP"
    nodes:
      - name: "900a"
        regionid: 900
        hostname: "203.0.113.7"
        certname: "${pin}"
        ipv4: "203.0.113.7"
        derpport: 8443
        stunport: -1
`);
  });

  it('quotes what YAML would take for something else', () => {
    const text = headscaleYaml(
      derpMapOf({ ...relay, regionCode: 'no', regionName: '我的 "DERP": #1', nodeName: '1e3' }),
    );
    expect(text).toContain('regioncode: "no"\n');
    expect(text).toContain('regionname: "我的 \\"DERP\\": #1"\n');
    expect(text).toContain('- name: "1e3"\n');
    expect(text).toContain('canport80: true\n');
  });
});
