/** Looks at the files of addresses that the relay reads. */
import { isInstalledTarget } from '../../../deploy/target.ts';
import { lookAtListFile } from '../../access/address-check.ts';
import { type Installed, readValue } from '../../status/installed.ts';
import type { AddressListFact } from '../facts.ts';

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
