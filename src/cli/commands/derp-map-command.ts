/** `derp-setup derp-map`: what to paste into the policy file, what Headscale reads, or the map alone. */
import { headscaleYaml } from '../../derp-map/headscale.ts';
import { policySnippet } from '../../derp-map/region.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import { readInstalled, readValue, whereabouts } from '../../setup/status/installed.ts';
import { EXIT } from '../exit-codes.ts';
import type { Flags } from '../flags.ts';
import { findInstallation, readPlaces } from '../installation-option.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';

/** Runs the command; resolves to its exit code. */
export async function derpMapCommand(
  flags: Flags,
  _words: readonly string[],
  usageProblems: readonly Problem[],
  session: Session,
): Promise<number> {
  const { output, messages } = session;
  const problems = [...usageProblems];
  const places = readPlaces(flags, session.environment, problems);
  if (problems.length > 0) {
    tellProblems(problems, output, messages);
    return EXIT.badInput;
  }
  const layout = await findInstallation(places, session);
  if (typeof layout === 'number') return layout;
  const installed = await readInstalled(layout);
  const map = readValue(installed.derpMap);
  if (map === undefined) {
    const { noMap, writeMap } = messages.status;
    const reason = noMap(layout.derpMap);
    output.error(`derp-setup: ${reason}`);
    output.error(`  → ${writeMap}`);
    output.document({ ok: false, problems: [{ code: 'no-map', rule: reason, remedy: writeMap }] });
    return EXIT.failed;
  }
  if (flags.headscale === true) {
    output.answer(headscaleYaml(map).trimEnd());
    output.progress(messages.report.headscale(layout.headscaleMap));
  } else {
    if (!output.json) output.progress(messages.report.paste);
    output.answer(policySnippet(map));
    if (!output.json && whereabouts(installed)?.pin !== undefined) output.progress(messages.report.pinVersion);
  }
  // The map itself, so that a web server or derpprobe can take the file as it is.
  output.document(map);
  return EXIT.done;
}
