/** Answers of real container engines, and derpers to try things on. */
import { readFileSync } from 'node:fs';
import { type ContainerFacts, parseInspection } from '../../../src/setup/derper/container-facts.ts';
import type { BareDerper, DerperContainer } from '../../../src/setup/derper/existing.ts';

/** What `docker inspect` or `podman inspect` said of a container. */
export function inspection(name: string): string {
  return readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8');
}

/** The same, read. */
export function factsOf(name: string): ContainerFacts {
  return parseInspection(inspection(name))!;
}

/** The words of a command line that has no quotes. */
export const words = (line: string): string[] => line.trim().split(/\s+/);

/** A derper that runs on the host as root, in `/srv`. */
export function bareDerper(line: string, more: Partial<BareDerper> = {}): BareDerper {
  const environment = { HOME: '/root' };
  return {
    kind: 'process',
    pid: 4711,
    commandLine: words(line),
    workingDirectory: '/srv',
    environment,
    runsAsRoot: true,
    ...more,
  };
}

/** A derper in a container. */
export function containerDerper(facts: ContainerFacts, line: string, more: Partial<DerperContainer> = {}) {
  const { id, name, image, running, workingDirectory, runsAsRoot } = facts;
  const container: DerperContainer = {
    kind: 'container',
    engine: 'docker',
    id,
    name,
    image,
    running,
    unit: undefined,
    facts,
    commandLine: words(line),
    workingDirectory,
    environment: {},
    runsAsRoot,
    ...more,
  };
  return container;
}
