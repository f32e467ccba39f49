import { dirname } from 'node:path';
import { type CertificateStep, PRIVATE_FILE, PUBLIC_FILE } from '../../deploy/steps.ts';
import { setEntryOwner } from '../../system/file-access.ts';
import { type Ids, readDirectoryState } from '../../system/files.ts';
import { issueOrder } from '../certificate/issue.ts';
import { writePair } from '../certificate/store.ts';
import { idsOf, type StepHandler } from './handler.ts';

/** Whoever runs this, to whom everything goes that outlives the relay's user. */
const SELF: Ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/** Orders certificates. What was issued is kept when the run is undone, for the next try. */
export const certificateHandler: StepHandler<CertificateStep> = {
  async inspect({ order: { expected } }) {
    const { authority, challenge, profile = '' } = expected;
    return { change: 'run', details: [authority, profile, challenge] };
  },

  async apply({ path, keyPath, owner, order }, context) {
    const ids = await idsOf(owner, context);
    const { certPem, keyPem } = await issueOrder(order, {
      environment: process.env,
      signal: context.signal,
      asker: 'person',
      challengeOwner: ids && { uid: SELF.uid, gid: ids.gid },
    });
    const files = { certFile: path, keyFile: keyPath };
    await writePair(files, { certPem, keyPem }, { certMode: PUBLIC_FILE, keyMode: PRIVATE_FILE, owner: ids });
    context.remember({
      what: path,
      keeps: true,
      now: async () => {
        if (ids === undefined) return;
        // The relay's user may be gone in a moment, and its number somebody else's one day.
        for (const kept of [path, keyPath, dirname(path), order.acmeDirectory, dirname(order.acmeDirectory)]) {
          if (kept === path || kept === keyPath || (await readDirectoryState(kept))) await setEntryOwner(kept, SELF);
        }
      },
    });
  },
};
