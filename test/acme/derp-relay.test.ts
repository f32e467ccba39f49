/**
 * derp-relay in derper's place: the unit that the guides have people write, with nothing but the program exchanged. The
 * authority is Pebble, on the other end of the machine's cable.
 */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDerp } from '../../src/client/connect.ts';
import { readServedChain } from '../../src/setup/status/served-certificate.ts';
import { makeChain } from '../setup/certificate/authority.ts';
import { bootMachine, type Machine } from '../vps/support/machine.ts';
import { until } from '../vps/support/wait.ts';
import { type Pebble, startPebble } from './support/pebble.ts';

const host = 'derp.example.com';
const UNIT = 'derper.service';
const CACHE = '/var/cache/derper';

let machine: Machine;
let pebble: Pebble;
let root: string;

beforeAll(async () => {
  machine = await bootMachine({ name: 'derp-relay' });
  const address = machine.host.ipv4;
  const identity = await makeChain({ type: 'ip', value: address });
  pebble = await startPebble({ address, identity, httpPort: 80, tlsPort: 443, ipv4: machine.ipv4 });
  root = await pebble.issuingRoot();
  await machine.writeFile('/usr/local/share/ca-certificates/server.crt', identity.root);
  await machine.shell('update-ca-certificates 2>&1');
  await machine.shell(`echo '${machine.ipv4} ${host}' >>/etc/hosts`);
  await machine.shell('mkdir /opt/relay && tar -xzf /opt/package/*.tgz -C /opt/relay --strip-components=1');
});
afterAll(async () => {
  await pebble?.stop();
  await machine?.stop();
});

/** Has the unit run the program with these flags, and waits until it serves or fails. */
async function start(flags: string): Promise<void> {
  const node = (await machine.shell('command -v node')).trim();
  await machine.writeFile(
    `/etc/systemd/system/${UNIT}`,
    `[Service]\nEnvironment=HOME=/root NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\nExecStart=${node} /opt/relay/bin/derp-relay.cjs ${flags}\nUser=root\n`,
  );
  await machine.shell(`systemctl daemon-reload && systemctl restart ${UNIT}`);
}

const journal = () => machine.shell(`journalctl --unit ${UNIT} --output cat --no-pager`);
const onDisk = async (name: string) =>
  new X509Certificate(await machine.readFile(`${CACHE}/${name}.crt`)).fingerprint256;

/** Logs in as a client that trusts the authority. */
async function login(name: string): Promise<void> {
  const trust = { kind: 'ca', extraCa: root } as const;
  const client = await connectDerp({ host: name, addresses: [machine.ipv4], trust, timeoutMs: 5000 });
  client.close();
}

describe("derper's unit with derp-relay in it", () => {
  const directory = () => `-acme-directory ${pebble.directoryUrl}`;

  it('gets a certificate for its name, and serves', async () => {
    await start(`-hostname ${host} -certdir ${CACHE} -c ${CACHE}.key ${directory()}`);
    await until('the relay to serve', { seconds: 60 }, () => login(host).then(() => true)).catch(async (error) => {
      throw new Error(`${error}\n${await journal()}`);
    });
    expect(await journal()).toContain('certificate_issued');
    const modes = await machine.shell(`stat -c '%a %n' ${CACHE}/${host}.key ${CACHE}/acme/account.key`);
    expect(
      modes
        .trim()
        .split('\n')
        .map((line) => line.slice(0, 3)),
    ).toEqual(['600', '600']);
  });

  it('keeps it when it starts again', async () => {
    const before = await onDisk(host);
    await machine.shell(`systemctl restart ${UNIT}`);
    await until('the relay to serve', { seconds: 60 }, () => login(host).then(() => true));
    expect(await onDisk(host)).toBe(before);
  });

  it('goes on with what derper has in its own cache', async () => {
    await machine.shell(`systemctl stop ${UNIT}`);
    const before = await onDisk(host);
    // derper has the key and the chain in one file of the host's name.
    await machine.shell(`cd ${CACHE} && cat ${host}.key ${host}.crt >${host} && rm -r ${host}.crt ${host}.key acme`);
    await machine.shell(`systemctl start ${UNIT}`);
    await until('the relay to serve', { seconds: 60 }, () => login(host).then(() => true));
    expect(await onDisk(host)).toBe(before);
    expect(await journal()).toContain('certificate_taken_over');
  });

  it('gets one for an address, where that is said', async () => {
    await start(`-hostname ${machine.ipv4} -acme-ip-certs -certdir ${CACHE} -c ${CACHE}.key ${directory()}`);
    const served = await until('the relay to serve', { seconds: 60 }, async () => {
      const [leaf] = (await readServedChain(machine.ipv4, 443).catch(() => undefined)) ?? [];
      const found = leaf ?? new X509Certificate(await machine.readFile(`${CACHE}/${machine.ipv4}.crt`));
      return found.subjectAltName === `IP Address:${machine.ipv4}` ? found : undefined;
    });
    expect(served.issuer).toContain('Pebble');
    await until('a login', { seconds: 30 }, () => login(machine.ipv4).then(() => true));
  });

  it('says why there is none, and ends', async () => {
    await start(
      `-hostname nobody.example.com -certdir ${CACHE} -c ${CACHE}.key ${directory().replace(/:\d+\/dir/, ':1/dir')}`,
    );
    await until('it to end', { seconds: 60 }, async () => {
      const { stdout } = await machine.run('systemctl', ['is-active', UNIT]);
      return stdout.trim() === 'failed';
    });
    expect(await journal()).toMatch(/derp-relay: no certificate: .* cannot be reached/);
    expect(await machine.exists(`${CACHE}/nobody.example.com.crt`)).toBe(false);
  });
});
