/** Looks at the files of addresses that the relay reads. */
import { markOf, NFT_TABLE, nftScript } from '../../../deploy/nft-script.ts';
import { isInstalledTarget } from '../../../deploy/target.ts';
import { RelayStartError } from '../../../relay/start-error.ts';
import { listNftTable } from '../../../system/nft-table.ts';
import { lookAtListFile } from '../../access/address-check.ts';
import { readNftInput } from '../../access/nft-lists.ts';
import { type Installed, readValue } from '../../status/installed.ts';
import type { AddressListFact, DoctorFacts } from '../facts.ts';

/** Whether the rules that are loaded are those of the lists and ports of today; undefined where none are. */
export async function gatherNftRules(
  installed: Installed,
  list: (table: string) => Promise<string | undefined> = listNftTable,
): Promise<DoctorFacts['nftRules']> {
  const listing = await list(NFT_TABLE);
  const mark = listing === undefined ? undefined : markOf(listing);
  // Those of other lists than the relay's are somebody's own business.
  if (mark === undefined) return undefined;
  const read = await readNftInput({}, installed).catch((error: unknown) => {
    if (error instanceof RelayStartError) return { problems: [] };
    throw error;
  });
  if ('input' in read) return nftScript(read.input).mark === mark ? 'current' : 'stale';
  const isWithout = read.problems.some(({ rule }) => rule.code === 'needs-address-list');
  return isWithout ? 'without-lists' : undefined;
}

/** Each file of both lists; none where nothing is known of what the relay was told. */
export async function gatherAddressLists({
  relay,
  target,
}: Pick<Installed, 'relay' | 'target'>): Promise<AddressListFact[]> {
  const settings = readValue(relay);
  const files = [
    ...(settings?.allowCidr?.files ?? []).map((path) => ({ path, list: 'allow' as const })),
    ...(settings?.denyCidr?.files ?? []).map((path) => ({ path, list: 'deny' as const })),
  ];
  return Promise.all(
    files.map(async (file) => ({ ...file, ...(await lookAtListFile(file.path, isInstalledTarget(target))) })),
  );
}
