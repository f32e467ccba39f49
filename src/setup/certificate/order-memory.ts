/** What is remembered of orders, as far as this user may look at it. */
import { openStore } from '../../cert/acme/store.ts';
import type { CertificateOrder } from '../../deploy/steps.ts';
import { FileError } from '../../system/files.ts';
import { openTrustedDirectory } from '../../system/trusted-directory.ts';

/** The last orders of a host at an authority, and the account there; nothing of what this user may not read. */
export async function glanceAtStore({
  host,
  directoryUrl,
  acmeDirectory,
}: Pick<CertificateOrder, 'host' | 'directoryUrl' | 'acmeDirectory'>) {
  try {
    const directory = await openTrustedDirectory(acmeDirectory);
    try {
      const store = openStore(directory.path);
      const [memory, account] = await Promise.all([
        store.readMemory(host, directoryUrl),
        store.readAccount(directoryUrl),
      ]);
      return { memory, account };
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (error instanceof FileError) return {};
    throw error;
  }
}
