/** What derper does where `-hostname` is an IP address and there is no certificate: it makes one. */
import { dirname } from 'node:path';
import { makeSelfSignedCertificate } from '../../cert/self-signed.ts';
import { derpMapOf } from '../../derp-map/region.ts';
import type { RelayConfig } from '../../relay/config.ts';
import type { Log } from '../../relay/log.ts';
import { ensureDirectory, writeFileAtomic } from '../../system/files.ts';
import { isToBeMade } from './preflight.ts';

/** Makes the self-signed certificate if it is wanted, and logs the derpMap with its pin. */
export async function ensureAddressCertificate(config: RelayConfig, log: Log): Promise<void> {
  const { certificate, hostname, httpPort, stunPort, listen } = config;
  if (certificate === null || !(await isToBeMade(certificate, hostname))) return;
  const { certPem, keyPem, pin } = await makeSelfSignedCertificate(hostname);
  await ensureDirectory(dirname(certificate.keyFile), 0o700);
  await writeFileAtomic(certificate.keyFile, keyPem, { mode: 0o600 });
  await writeFileAtomic(certificate.certFile, certPem);
  const region = { regionId: 900, regionCode: 'myderp', regionName: 'My DERP', nodeName: '900a' };
  const map = derpMapOf({ ...region, host: hostname, derpPort: listen.port, httpPort, stunPort, pin });
  log.info('certificate_made', { file: certificate.certFile, pin, derp_map: JSON.stringify(map) });
}
