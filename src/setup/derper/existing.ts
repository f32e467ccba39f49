/** What is known of a derper that is installed on this machine. */
import type { ContainerFacts } from './container-facts.ts';

/** How a derper is started. */
export interface Launch {
  /** The program, then its arguments, with variables already put in. */
  commandLine: string[];
  /** What relative paths start from; in a container, inside it. */
  workingDirectory: string | undefined;
  /** The variables that derper or a popular image of it reads; none that may hold a secret. */
  environment: Record<string, string>;
  /** Root has a default place for the relay's key; other users have none. */
  runsAsRoot: boolean;
}

/** A derper that systemd runs. */
export interface DerperUnit extends Launch {
  kind: 'unit';
  /** With the suffix: `derper.service`. */
  unit: string;
  running: boolean;
  /** Whether it starts when the machine does. */
  enabled: boolean;
}

/** Programs that run containers; `other` is one that this program cannot speak with, such as Kubernetes. */
export type ContainerEngine = 'docker' | 'podman' | 'containerd' | 'other';

/** A derper in a container. */
export interface DerperContainer extends Launch {
  kind: 'container';
  engine: ContainerEngine;
  id: string;
  name: string;
  image: string;
  running: boolean;
  /** The systemd unit that runs the container, where there is one. */
  unit: string | undefined;
  /** What the engine says of it; nothing where the engine does not answer, as another user's. */
  facts: ContainerFacts | undefined;
}

/** A derper that nothing manages which this program knows. */
export interface BareDerper extends Launch {
  kind: 'process';
  pid: number;
}

export type ExistingDerper = DerperUnit | DerperContainer | BareDerper;
