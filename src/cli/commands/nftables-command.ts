/** `derp-setup nftables`: the lists of addresses as a script for nft, on stdout. Changes nothing. */
import { NFT_TABLE, nftScript } from '../../deploy/nft-script.ts';
import { parseAddressSource } from '../../setup/access/address-source.ts';
import { type NamedLists, readNftInput } from '../../setup/access/nft-lists.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import { parsePort } from '../../setup/answers/values.ts';
import { locateInstallation } from '../../setup/status/gather.ts';
import { readInstalled } from '../../setup/status/installed.ts';
import { EXIT } from '../exit-codes.ts';
import { FlagReader } from '../flag-reader.ts';
import type { Flags } from '../flags.ts';
import { findInstallation, readPlaces } from '../installation-option.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';

function readNamed(reader: FlagReader): NamedLists {
  const allowCidr = reader.read('allowCidr', '--allow-cidr', parseAddressSource);
  const denyCidr = reader.read('denyCidr', '--deny-cidr', parseAddressSource);
  const derpPort = reader.read('derpPort', '--derp-port', (text) => parsePort(text));
  const stunPort = reader.read('stunPort', '--stun-port', (text) => parsePort(text, { offAllowed: true }));
  return {
    ...(allowCidr !== undefined && { allowCidr }),
    ...(denyCidr !== undefined && { denyCidr }),
    ...(derpPort !== undefined && { derpPort }),
    ...(stunPort !== undefined && { stunPort }),
  };
}

/** Runs the command; resolves to its exit code. */
export async function nftablesCommand(
  flags: Flags,
  _words: readonly string[],
  usageProblems: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages, environment } = session;
  const reader = new FlagReader(flags, usageProblems);
  const named = readNamed(reader);
  const places = readPlaces(flags, environment, reader.problems);
  const refuse = (problems: readonly Problem[]) => {
    tellProblems(problems, output, messages);
    return EXIT.badInput;
  };
  if (reader.problems.length > 0) return refuse(reader.problems);
  const isNamed = named.allowCidr !== undefined || named.denyCidr !== undefined;
  // Lists that are named may be for a relay of another machine.
  const layout = isNamed ? await locateInstallation(places) : await findInstallation(places, session);
  if (typeof layout === 'number') return layout;
  const read = await readNftInput(named, layout && (await readInstalled(layout)));
  if ('problems' in read) return refuse(read.problems);
  const { input, sharedPort, authorityPort } = read;
  const { text, allow, deny } = nftScript(input);
  output.answer(text.trimEnd());
  const { loadIt, removeIt, shared, authority } = messages.report.nftables;
  if (!output.json) {
    if (sharedPort !== undefined) output.progress(shared(sharedPort));
    if (authorityPort !== undefined) output.progress(authority(authorityPort));
    output.progress(loadIt);
    output.progress(removeIt(NFT_TABLE));
  }
  output.document({
    ok: true,
    table: NFT_TABLE,
    ports: { derp: input.derpPort, stun: input.stunPort },
    ranges: { allow, deny },
    script: text,
  });
  return EXIT.done;
}
