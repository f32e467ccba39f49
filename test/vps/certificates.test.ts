/** Certificates that come from elsewhere: copied, looked after by the timer, and never replaced by something worse. */
import { X509Certificate } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { makeChain, type TestChain } from '../setup/certificate/authority.ts';
import { nameMachine } from './support/derper.ts';
import { diffTrees } from './support/file-tree.ts';
import { bootMachine, type Machine } from './support/machine.ts';
import { until } from './support/wait.ts';

const host = 'derp.example.com';
const SETUP = '/usr/local/bin/derp-setup';
const RELAY = 'derp-relay.service';
const RENEW = 'derp-setup-renew.service';
const CHAIN = '/etc/ssl/example/fullchain.pem';
const KEY = '/etc/ssl/example/privkey.pem';

let machine: Machine;
/** The chain that is served. */
let chain: TestChain;

beforeAll(async () => {
  machine = await bootMachine({ name: 'certificates' });
  await nameMachine(machine, host);
});
afterAll(() => machine.stop());

const newChain = (dates = {}) => makeChain({ type: 'dns', value: host }, dates);
const renew = (...args: string[]) => machine.run(SETUP, ['renew', ...args], { timeout: 60 });
const mainPid = async () => (await machine.shell(`systemctl show ${RELAY} --property=MainPID --value`)).trim();
const fingerprintOf = ({ leaf }: TestChain) => new X509Certificate(leaf).fingerprint256;
const copies = () => machine.shell(`cat /etc/derp-setup/certs/${host}.crt /etc/derp-setup/certs/${host}.key`);

/** Has the relay run by what its unit says now. */
async function restart(): Promise<void> {
  await machine.shell(`systemctl daemon-reload && systemctl restart ${RELAY}`);
  await until('the relay to serve', { seconds: 30 }, () => served());
}

/** What a certificate's owner would renew: the two files, with what they are told to hold. */
async function putOriginal({ leaf, intermediate, key }: TestChain): Promise<void> {
  await machine.writeFile(CHAIN, leaf + intermediate);
  await machine.writeFile(KEY, key, 0o600);
}

/** The fingerprint of the certificate that clients are shown. */
function served(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: machine.ipv4, port: 443, servername: host, rejectUnauthorized: false });
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
  });
}

describe('a certificate by an authority of one’s own', () => {
  const install = [
    '--yes',
    '--verify',
    'none',
    '--host',
    host,
    '--cert',
    'manual',
    '--cert-file',
    CHAIN,
    '--key-file',
    KEY,
  ];

  it('is judged before anything is done', async () => {
    const [mine, others] = await Promise.all([newChain(), makeChain({ type: 'dns', value: 'other.example.com' })]);
    const tree = machine.fileTree(['/etc', '/usr', '/var'], ['/etc/ssl']);
    const codesFor = async (leaf: string, key: string) => {
      await putOriginal({ ...mine, leaf, key });
      const { code, stdout } = await machine.npx([...install, '--json']);
      expect(code).toBe(2);
      return JSON.parse(stdout).problems.map(({ code: one }: { code: string }) => one);
    };
    expect(await codesFor(others.leaf, others.key)).toContain('host-not-covered');
    expect(await codesFor(mine.leaf, others.key)).toEqual(['key-mismatch']);
    expect(diffTrees(tree, machine.fileTree(['/etc', '/usr', '/var'], ['/etc/ssl']))).toEqual([]);
  });

  it('is copied for the relay, served whole, and proved', async () => {
    chain = await newChain();
    await putOriginal(chain);
    const { code, stdout, stderr } = await machine.npx([...install, '--json']);
    expect(code, stderr).toBe(0);
    const document = JSON.parse(stdout);
    expect(document.certificate).toMatchObject({ mode: 'manual', file: `/etc/derp-setup/certs/${host}.crt` });
    // Clients must have been told of it, which is said; the map has no pin for it.
    expect(document.notes.map((note: { code: string }) => note.code)).toContain('private-authority');
    expect(JSON.stringify(document.derpMap)).not.toContain('CertName');
    expect(await copies()).toBe(chain.leaf + chain.intermediate + chain.key);
    const trust = { kind: 'ca' as const, extraCa: chain.root };
    const client = await connectDerp({ host, addresses: [machine.ipv4], trust });
    // With the meta certificate that carries the relay's key, the chain has three.
    expect(client.tls?.chain).toHaveLength(3);
    client.close();
  });
});

describe('renew', () => {
  let pid: string;
  beforeEach(async () => {
    pid = await mainPid();
  });

  it('does nothing while the original is the same', async () => {
    const since = await machine.shell('date +%s');
    const { code, stdout } = await renew();
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^The certificate is good until/),
    });
    expect(await machine.shell(`journalctl -q -u ${RELAY} --since=@${since.trim()} -o cat`)).not.toContain('reload');
    expect(await mainPid()).toBe(pid);
  });

  it('takes over a new one, and nobody is disconnected', async () => {
    const trust = { kind: 'ca' as const, extraCa: chain.root };
    const client = await connectDerp({ host, addresses: [machine.ipv4], trust });
    const next = await newChain();
    await putOriginal(next);
    const { code, stderr } = await renew();
    expect(code, stderr).toBe(0);
    expect(await served()).toBe(fingerprintOf(next));
    expect(await copies()).toBe(next.leaf + next.intermediate + next.key);
    expect(await machine.shell(`stat -c "%a %U" /etc/derp-setup/certs/${host}.*`)).toBe(
      '644 derp-relay\n600 derp-relay\n',
    );
    expect(await mainPid()).toBe(pid);
    // The same connection still carries packets, to itself.
    const arrived = new Promise<Buffer>((resolve, reject) => {
      client.handlers = { onPacket: (_, packet) => resolve(packet), onClose: reject };
    });
    client.send(client.publicKey, Buffer.from('still here'));
    expect(String(await arrived)).toBe('still here');
    client.handlers = {};
    client.close();
    chain = next;
  });

  it.each([
    ['is garbled', async (next: TestChain) => ({ ...next, leaf: next.leaf.slice(0, 300) }), CHAIN],
    ['has the key of another', async (next: TestChain) => ({ ...next, key: chain.key }), KEY],
    ['has ended', () => newChain({ from: -60, until: -1 }), CHAIN],
    ['is for another host', () => makeChain({ type: 'dns', value: 'other.example.com' }), CHAIN],
  ])('keeps the old one when the new one %s, and says so loudly', async (_, spoil, file) => {
    await putOriginal(await spoil(await newChain()));
    const { code, stdout, stderr } = await renew('--quiet');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(file);
    expect(await copies()).toBe(chain.leaf + chain.intermediate + chain.key);
    expect(await served()).toBe(fingerprintOf(chain));
    expect(await mainPid()).toBe(pid);
  });

  it('fails as a service too, which status and journal tell, until the original is mended', async () => {
    await machine.shell(`rm ${CHAIN}`);
    expect((await machine.run('systemctl', ['start', RENEW])).code).toBe(1);
    expect(await machine.shell(`journalctl -q -u ${RENEW} -o cat`)).toContain(CHAIN);
    const status = async () => JSON.parse((await machine.run(SETUP, ['status', '--json'])).stdout);
    expect((await status()).renewal).toMatchObject({ active: true, failed: true });
    const next = await newChain();
    await putOriginal(next);
    await machine.shell(`systemctl start ${RENEW}`);
    expect((await status()).renewal).toMatchObject({ active: true, failed: false });
    expect(await served()).toBe(fingerprintOf(next));
    chain = next;
  });

  it('is not kept from it by what has nothing to do with the certificate', async () => {
    const next = await newChain();
    await putOriginal(next);
    const rule = 'type filter hook input priority 0; udp dport 3478 drop;';
    await machine.shell('nft -f -', { input: `table inet shut {\n chain input { ${rule} }\n}\n` });
    const { code, stderr } = await renew();
    await machine.shell('nft delete table inet shut');
    // The proof found that STUN is not answered, and the certificate stays all the same.
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(/✖ STUN/);
    expect(await served()).toBe(fingerprintOf(next));
    chain = next;
  });

  it('goes back when the relay does not take the new one', async () => {
    // A relay that sees other files than those that are written.
    await machine.shell('mkdir /opt/frozen && cp -a /etc/derp-setup/certs /opt/frozen/certs');
    const frozen = '[Service]\nBindReadOnlyPaths=/opt/frozen/certs:/etc/derp-setup/certs\n';
    await machine.writeFile(`/etc/systemd/system/${RELAY}.d/frozen.conf`, frozen);
    await restart();
    await putOriginal(await newChain());
    const { code, stderr } = await renew();
    await machine.shell(`rm -r /etc/systemd/system/${RELAY}.d`);
    expect(stderr).toContain('still serves the one before');
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('Everything was put back as it was.');
    expect(await copies()).toBe(chain.leaf + chain.intermediate + chain.key);
    await restart();
    expect(await served()).toBe(fingerprintOf(chain));
    await putOriginal(chain);
  });

  it('leaves a relay stopped that somebody has stopped, with the new certificate in place', async () => {
    const next = await newChain();
    await putOriginal(next);
    await machine.shell(`systemctl stop ${RELAY}`);
    const { code, stderr } = await renew();
    expect(code, stderr).toBe(0);
    expect((await machine.run('systemctl', ['is-active', RELAY])).stdout).toBe('inactive\n');
    expect(await copies()).toBe(next.leaf + next.intermediate + next.key);
    await machine.shell(`systemctl start ${RELAY}`);
  });

  it('is for root, and for a machine with an installation', async () => {
    await machine.shell('useradd --create-home alice');
    const asAlice = await machine.run(SETUP, ['renew'], { user: 'alice' });
    expect(asAlice.code).toBe(2);
    expect(asAlice.stderr).toContain('root');
    expect((await machine.run(SETUP, ['uninstall', '--yes', '--purge'], { timeout: 60 })).code).toBe(0);
    // Whose certificate it was is not touched by that.
    expect(await machine.exists(CHAIN)).toBe(true);
    expect((await machine.npx(['renew'])).code).toBe(1);
  });
});
