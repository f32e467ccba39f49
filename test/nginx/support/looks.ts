/** Looks at what goes through nginx, from outside the machine. */
import { expect } from 'vitest';
import { connectDerp } from '../../../src/client/connect.ts';
import type { Machine } from '../../vps/support/machine.ts';

/** What nginx itself goes on writing. */
export const except: readonly string[] = ['/var/log/nginx', '/var/lib/nginx'];

/** The lines of a site's access log. */
export async function siteLog(machine: Machine, name: string): Promise<string[]> {
  return (await machine.readFile(`/var/log/nginx/${name}.log`)).trim().split('\n');
}

/** Two clients come to the relay at an address, one by fast start and one by upgrade, and send each other a packet. */
export async function exchange({
  host,
  address,
  pin,
  port = 443,
}: {
  host: string;
  address: string;
  pin: string;
  port?: number;
}): Promise<void> {
  const options = { host, addresses: [address], port, trust: { kind: 'pin', pin } as const, timeoutMs: 20_000 };
  const [a, b] = [
    await connectDerp({ ...options, way: 'fast-start' }),
    await connectDerp({ ...options, way: 'upgrade' }),
  ];
  try {
    const received = new Promise<string>((resolve) => {
      b.handlers.onPacket = (_, packet) => resolve(Buffer.from(packet).toString());
    });
    a.send(b.publicKey, Buffer.from('through nginx'));
    expect(await received).toBe('through nginx');
  } finally {
    a.close();
    b.close();
  }
}
