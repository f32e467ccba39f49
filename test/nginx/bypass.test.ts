/** A relay that shares port 443 with the sites of an nginx, from the first run to the last. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffTrees, type FileTree } from '../vps/support/file-tree.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { derpSetup, notOurs, unpackPackage } from '../vps/support/unpacked.ts';
import { ALPHA, BETA, makeSites, visit } from './support/sites.ts';

const HOST = 'derp.example.test';
const INSTALL = ['--yes', '--deploy', 'nginx-bypass', '--host', HOST, '--http-port', '-1', '--verify', 'none'];
/** nginx goes on writing its logs, and keeps folders for what is on its way. */
const except = [...notOurs, '/var/log/nginx', '/var/lib/nginx'];

let machine: Machine;
let pristine: FileTree;

beforeAll(async () => {
  machine = await bootMachine({ name: 'bypass', image: 'nginx' });
  await unpackPackage(machine);
  await makeSites(machine);
  await machine.shell(`echo '${machine.ipv4} ${HOST}' >>/etc/hosts`);
  pristine = machine.fileTree(['/'], except);
});
afterAll(() => machine.stop());

const setup = (args: readonly string[] = []) => derpSetup(machine, [...INSTALL, ...args], { timeout: 120 });

/** Every site is as its visitors know it. */
async function expectSites(): Promise<void> {
  for (const name of [ALPHA, BETA]) {
    expect(await visit(machine.ipv4, name)).toMatchObject({ status: 200, body: name, subject: name });
  }
}

describe('sharing the port', () => {
  it('shows every edit beforehand, and makes none of them', async () => {
    const { code, stdout, stderr } = await setup(['--dry-run']);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('-    listen 443 ssl http2 default_server;');
    expect(stdout).toContain(
      '+    listen 127.0.0.1:8444 ssl http2 default_server proxy_protocol; include /etc/nginx/derp-setup-sites.conf;',
    );
    expect(diffTrees(pristine, machine.fileTree(['/'], except))).toEqual([]);
  });

  it('installs, and proves the relay through nginx', async () => {
    const { code, stdout, stderr } = await setup();
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('The relay works');
    await expectSites();
  });

  it('a second run does nothing', async () => {
    const tree = machine.fileTree(['/'], except);
    expect(await setup()).toMatchObject({ code: 0, stdout: 'Already as described: nothing to do.\n' });
    expect(diffTrees(tree, machine.fileTree(['/'], except))).toEqual([]);
  });
});

describe('uninstalling', () => {
  it('leaves nginx as it was, byte for byte', async () => {
    const { code, stderr } = await derpSetup(machine, ['uninstall', '--purge', '--yes'], { timeout: 120 });
    expect(code, stderr).toBe(0);
    expect(diffTrees(pristine, machine.fileTree(['/'], except))).toEqual([]);
    await expectSites();
  });
});
