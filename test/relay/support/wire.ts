import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Tap } from '../../../src/client/tap.ts';
import { readTlsCertificates } from '../../../src/protocol/tls-certificates.ts';

/**
 * The certificates that a server on loopback really sends, in their order, DER. Node's own view of a chain links it by
 * issuer and leaves out a certificate that signed nothing, such as the meta certificate.
 */
export async function certificatesOnTheWire(port: number): Promise<Buffer[]> {
  const tap = new Tap(connectTcp({ port, host: '127.0.0.1' }));
  const keyLog: string[] = [];
  const socket = connectTls({ socket: tap, rejectUnauthorized: false });
  socket.on('keylog', (line: Buffer) => keyLog.push(line.toString()));
  await once(socket, 'secureConnect');
  const chain = readTlsCertificates(tap.takeKept(), keyLog.join(''));
  socket.destroy();
  if (chain === undefined) throw new Error('no certificates were seen on the wire');
  return chain;
}
