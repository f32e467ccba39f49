/** What ran the relay before is ended when something else runs it from now on. */
import { dirname } from 'node:path';
import { type Layout, RELAY_UNIT } from './layout.ts';
import { composeProject, type Step } from './steps.ts';

/** What an earlier run had the relay run by. */
export type FormerRunner = 'unit' | 'container';

/** Ends it, with the files that it was made of; it runs again when the run is undone. */
export function endFormerRunner(former: FormerRunner | undefined, layout: Layout): Step[] {
  const remove = (what: 'file' | 'empty-directory', path: string): Step => ({ kind: 'remove', what, path });
  const { composeDirectory, composeFile, composeEnvironment, tailscaledDropIn } = layout;
  switch (former) {
    case undefined:
      return [];
    case 'unit':
      return [{ kind: 'disable', unit: RELAY_UNIT }, remove('file', layout.unit(RELAY_UNIT)), { kind: 'reload-units' }];
    case 'container':
      return [
        { kind: 'compose-down', project: composeProject(composeDirectory) },
        ...[composeFile, composeEnvironment, tailscaledDropIn].map((path) => remove('file', path)),
        ...[composeDirectory, dirname(tailscaledDropIn)].map((path) => remove('empty-directory', path)),
        { kind: 'reload-units' },
      ];
  }
}
