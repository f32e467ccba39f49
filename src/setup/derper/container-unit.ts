/** Systemd units that run a container: stopping the container alone would not last, since the unit starts it again. */
import { basename } from 'node:path';
import type { UnitFile } from '../../system/unit-files.ts';
import type { ContainerFacts } from './container-facts.ts';
import { parseService } from './unit-file.ts';

const ENGINE_PROGRAMS = new Set(['docker', 'podman', 'nerdctl', 'docker-compose', 'podman-compose']);

/** Whether a word names the container: `derper`, `--name=derper`, its id, or its image where that is all there is. */
function names(word: string, { id, name, image }: Pick<ContainerFacts, 'id' | 'name' | 'image'>): boolean {
  const value = /^--name=(.*)$/.exec(word)?.[1] ?? word;
  return value === name || value === image || (value.length >= 12 && id.startsWith(value));
}

/** The units whose commands run this container, by name or by the folder of its compose file. */
export function containerUnits(
  units: readonly Pick<UnitFile, 'name' | 'texts'>[],
  facts: Pick<ContainerFacts, 'id' | 'name' | 'image' | 'composeDirectory'>,
): string[] {
  const matching = units.filter(({ texts }) => {
    const { commands, workingDirectory } = parseService(texts);
    return commands.some((command) => {
      const words = command.flatMap((word) => word.split(/\s+/));
      if (!words.some((word) => ENGINE_PROGRAMS.has(basename(word)))) return false;
      const compose = words.some((word) => word === 'compose' || basename(word).endsWith('-compose'));
      const folder = facts.composeDirectory;
      const fromFolder =
        compose &&
        folder !== undefined &&
        (workingDirectory === folder || words.some((word) => word.startsWith(`${folder}/`)));
      return fromFolder || words.some((word) => names(word, facts));
    });
  });
  return matching.map(({ name }) => name);
}
