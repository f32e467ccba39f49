/** A derper on a machine as the guides install it: copied to /etc/derper, certificates by a CA of its own, a unit of its own. */
import { connectDerp } from '../../../src/client/connect.ts';
import { formatPublicKey } from '../../../src/protocol/keys.ts';
import type { TestChain } from '../../setup/certificate/authority.ts';
import type { Machine } from './machine.ts';
import { until } from './wait.ts';

export const DERPER = 'derper.service';

/** What the guides have people write, with the flags of this derper. */
function unitOf(flags: string): string {
  return `[Unit]
Description=Tailscale Derp Service
After=network.target

[Service]
ExecStart=/etc/derper/derper ${flags}
Restart=always
User=root

[Install]
WantedBy=multi-user.target
`;
}

/** Has the machine know a host by name, which is its own. */
export async function nameMachine(machine: Machine, host: string): Promise<void> {
  await machine.shell(`echo '${machine.ipv4} ${host}' >>/etc/hosts`);
}

/** Puts a chain and its key where nginx has them, and links to them where derper looks, as the guides do. */
export async function giveCertificate(machine: Machine, host: string, chain: TestChain): Promise<void> {
  await machine.writeFile(`/etc/nginx/ssl.d/${host}.crt`, chain.leaf + chain.intermediate);
  await machine.writeFile(`/etc/nginx/ssl.d/${host}.key`, chain.key, 0o600);
  await machine.shell(`mkdir -p /etc/derper/ssl.d
    ln -sf /etc/nginx/ssl.d/${host}.crt /etc/nginx/ssl.d/${host}.key /etc/derper/ssl.d/`);
}

/** Installs the real derper as a service with these flags, and starts it. */
export async function installDerper(machine: Machine, flags: string): Promise<void> {
  await machine.shell('mkdir -p /etc/derper && cp --remove-destination /opt/tailscale/derper /etc/derper/derper');
  await machine.writeFile(`/etc/systemd/system/${DERPER}`, unitOf(flags));
  await machine.shell(`systemctl daemon-reload && systemctl enable ${DERPER} && systemctl restart ${DERPER}`);
}

/** The public key of the relay that serves a host on a machine, as its clients see it from outside. */
export async function relayKeyOf(machine: Machine, host: string, port: number, chain: TestChain): Promise<string> {
  return await until(`a relay on port ${port}`, { seconds: 30 }, async () => {
    const trust = { kind: 'ca' as const, extraCa: chain.root };
    const client = await connectDerp({ host, port, addresses: [machine.ipv4], trust, timeoutMs: 5000 });
    const key = formatPublicKey(client.serverKey);
    client.close();
    return key;
  });
}

/** Whether a unit runs and is started with the machine: `active enabled`. */
export async function stateOf(machine: Machine, unit: string): Promise<string> {
  const { stdout } = await machine.run('sh', ['-c', `systemctl is-active ${unit}; systemctl is-enabled ${unit}`]);
  return stdout.trim().replace('\n', ' ');
}

/** The name of the program that has a TCP port; empty when nobody has. */
export async function ownerOfPort(machine: Machine, port: number): Promise<string> {
  const { stdout } = await machine.run('ss', ['-Hltnp', `sport = :${port}`]);
  return /users:\(\("([^"]+)"/.exec(stdout)?.[1] ?? '';
}
