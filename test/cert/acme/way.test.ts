import { describe, expect, it } from 'vitest';
import { LETS_ENCRYPT } from '../../../src/cert/acme/directory.ts';
import { candidatePorts, chooseWay, type PortHolder, type WayFacts } from '../../../src/cert/acme/way.ts';

const OWN = 'https://ca.example/dir';
const nginx: PortHolder = { state: 'taken', owner: { name: 'nginx', pid: 812 } };
const facts = (more: Partial<WayFacts> & { held?: Record<number, PortHolder> } = {}): WayFacts => {
  const { held = {}, ...rest } = more;
  const holders = new Map(Object.entries(held).map(([port, holder]) => [Number(port), holder]));
  return { directoryUrl: LETS_ENCRYPT, wanted: undefined, derpPort: 443, httpPort: 80, holders, ...rest };
};

describe('the way to answer a challenge', () => {
  it('is port 80 by ourselves as long as nobody has it, and by the relay when it runs', () => {
    expect(chooseWay(facts())).toEqual({ way: { challenge: 'http-01', by: 'responder', port: 80, outerPort: 80 } });
    expect(chooseWay(facts({ held: { 80: { state: 'relay' }, 443: { state: 'relay' } } }))).toEqual({
      way: { challenge: 'http-01', by: 'relay', port: 80, outerPort: 80 },
    });
  });

  it('is port 443 where port 80 is somebody else’s', () => {
    expect(chooseWay(facts({ held: { 80: nginx, 443: { state: 'relay' } } }))).toEqual({
      way: { challenge: 'tls-alpn-01', by: 'relay', port: 443, outerPort: 443 },
    });
  });

  it('is never a port that Let’s Encrypt does not look at, unless it was asked for', () => {
    const odd = facts({ derpPort: 8443, httpPort: -1 });
    expect(candidatePorts(odd)).toEqual([80, 443]);
    expect(chooseWay({ ...odd, wanted: 'tls-alpn-01' })).toEqual({
      way: { challenge: 'tls-alpn-01', by: 'responder', port: 8443, outerPort: 443 },
    });
    expect(chooseWay({ ...odd, directoryUrl: OWN, wanted: 'tls-alpn-01' })).toMatchObject({ way: { outerPort: 8443 } });
  });

  it('is the relay’s own port behind what hands port 80 on', () => {
    const behind = { httpPort: 8080 };
    expect(candidatePorts(facts({ behind }))).toEqual([8080, 443]);
    expect(chooseWay(facts({ behind, held: { 80: nginx } }))).toEqual({
      way: { challenge: 'http-01', by: 'responder', port: 8080, frontPort: 80, outerPort: 80 },
    });
    expect(chooseWay(facts({ behind, held: { 80: nginx, 8080: { state: 'relay' } } }))).toEqual({
      way: { challenge: 'http-01', by: 'relay', port: 8080, frontPort: 80, outerPort: 80 },
    });
    const inner = { derpPort: 8443 };
    expect(chooseWay(facts({ behind: inner, directoryUrl: OWN, wanted: 'tls-alpn-01', derpPort: 444 }))).toEqual({
      way: { challenge: 'tls-alpn-01', by: 'responder', port: 8443, frontPort: 444, outerPort: 444 },
    });
  });

  it('is not behind it where the authority comes by another port than is handed on', () => {
    const odd = facts({ behind: { httpPort: 8080 }, httpPort: 81, held: { 80: nginx } });
    expect(chooseWay(odd)).toEqual({ way: { challenge: 'tls-alpn-01', by: 'responder', port: 443, outerPort: 443 } });
  });

  it('is named with who is in the way, where there is none', () => {
    const denied: PortHolder = { state: 'denied' };
    expect(chooseWay(facts({ held: { 80: nginx, 443: denied } }))).toEqual({
      blocked: [
        { challenge: 'http-01', port: 80, holder: nginx },
        { challenge: 'tls-alpn-01', port: 443, holder: denied },
      ],
    });
    expect(chooseWay(facts({ wanted: 'http-01', held: { 80: nginx } }))).toEqual({
      blocked: [{ challenge: 'http-01', port: 80, holder: nginx }],
    });
  });
});
