import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { makeSelfSignedCertificate } from '../../../src/cert/self-signed.ts';
import { openTls, PATIENCE } from '../connections.ts';
import { type Fault, RelayFault, type Target } from '../target.ts';

/** The fingerprint of the certificate that new connections get. */
async function served({ port }: Target): Promise<string> {
  const socket = await openTls(port);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** Swaps and broken files follow each other: two at once could put the certificate of one beside the key of another. */
let last: Promise<void> = Promise.resolve();

export const reloads: Fault = {
  name: 'reload and certificate swap',
  load: 'SIGHUP with half a certificate, which must change nothing, then with another one, which new connections get',
  strike(target) {
    const strike = last.then(() => swap(target));
    last = strike.catch(() => {});
    return strike;
  },
};

async function swap(target: Target): Promise<void> {
  const { certFile, keyFile } = target.certificate;
  const before = await served(target);
  const { certPem, keyPem } = await makeSelfSignedCertificate('127.0.0.1');
  await writeFile(certFile, certPem.slice(0, certPem.length / 2));
  await target.reload();
  if ((await served(target)) !== before) throw new RelayFault('a broken certificate has replaced the right one');
  await writeFile(keyFile, keyPem);
  await writeFile(certFile, certPem);
  const { fingerprint256 } = new X509Certificate(certPem);
  await target.reload();
  for (const deadline = Date.now() + PATIENCE; (await served(target)) !== fingerprint256; await delay(50)) {
    if (Date.now() > deadline) throw new RelayFault('the new certificate is not served after a reload');
  }
}
