/**
 * Certificates of an authority for a relay that shares its ports with nginx: ordered by port 80, and renewed by port 443,
 * where nginx passes the authority's question on to the running relay. The authority is Pebble, outside the machine.
 */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Pebble, startPebble } from '../acme/support/pebble.ts';
import { makeChain } from '../setup/certificate/authority.ts';
import { nameMachine } from '../vps/support/derper.ts';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { derpSetup, notOurs, unpackPackage } from '../vps/support/unpacked.ts';
import { except } from './support/looks.ts';
import { ALPHA, BETA, makeSites, visit } from './support/sites.ts';

const HOST = 'derp.example.com';

let machine: Machine;
let authority: Pebble;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({ name: 'nginx-authority', image: 'nginx' });
  await nameMachine(machine, HOST);
  await unpackPackage(machine);
  await makeSites(machine);
  const address = machine.host.ipv4;
  const identity = await makeChain({ type: 'ip', value: address });
  authority = await startPebble({ address, identity, httpPort: 80, tlsPort: 443, ipv4: machine.ipv4 });
  await machine.writeFile('/usr/local/share/ca-certificates/issuer.crt', await authority.issuingRoot());
  await machine.writeFile('/usr/local/share/ca-certificates/server.crt', identity.root);
  await machine.shell('update-ca-certificates 2>&1');
  pristine = tree();
});
afterAll(async () => {
  await authority?.stop();
  await machine?.stop();
});

const tree = () => machine.fileTree(['/etc', '/usr/local', '/var'], [...notOurs, ...except]);
const setup = (args: readonly string[]) =>
  derpSetup(
    machine,
    [
      ...['--yes', '--deploy', 'nginx-bypass', '--host', HOST, '--verify', 'none', '--cert', 'letsencrypt'],
      ...['--acme-directory', authority.directoryUrl, ...args],
    ],
    { timeout: 150 },
  );
const serial = async () =>
  new X509Certificate(await machine.readFile(`/etc/derp-setup/certs/${HOST}.crt`)).serialNumber;

async function expectSites(): Promise<void> {
  for (const name of [ALPHA, BETA]) {
    expect(await visit(machine.ipv4, name)).toMatchObject({ status: 200, body: name, subject: name });
  }
}

describe('an authority', () => {
  it('cannot come by port 443 before nginx knows of the relay: said beforehand', async () => {
    const { code, stderr } = await setup(['--acme-challenge', 'tls-alpn-01']);
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/nginx \(pid \d+\)/);
    expect(diffTrees(pristine, tree())).toEqual([]);
  });

  it('comes by port 80, which nginx hands on', async () => {
    const { code, stdout, stderr } = await setup([]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('The relay works');
    await expectSites();
  });

  it('comes by port 443 to renew, past the sites', async () => {
    expect((await setup(['--acme-challenge', 'tls-alpn-01'])).code).toBe(0);
    const before = await serial();
    const renewed = await machine.run('/usr/local/bin/derp-setup', ['renew', '--force'], { timeout: 150 });
    expect(renewed.code, renewed.stderr).toBe(0);
    expect(await serial()).not.toBe(before);
    await expectSites();
  });

  it('leaves no trace in nginx', async () => {
    expect((await derpSetup(machine, ['uninstall', '--purge', '--yes'], { timeout: 120 })).code).toBe(0);
    expect(diffTrees(pristine, tree())).toEqual([]);
    await expectSites();
  });
});
