/** A booted machine with Docker, and what a test asks of its engine. */
import { bootMachine, type Machine } from '../../vps/support/machine.ts';
import { until } from '../../vps/support/wait.ts';

/** The generations of Compose: Debian's own program, and the part of Docker that is current. */
export type Generation = 'v1' | 'v2';

export const CONTAINER = 'derp-relay';
export const PROJECT_FOLDER = '/etc/derp-setup/compose';
/** What the relay's container is made of unless somebody says otherwise. */
export const IMAGE = 'node:24-bookworm-slim';

/** Where Docker itself writes, as it does for any container. */
export const DOCKERS = [
  '/var/lib/docker',
  '/var/lib/containerd',
  '/etc/docker',
  '/etc/default/docker',
  '/root/.docker',
];

/** Boots one, with the image that the relay runs in at hand, as there is no registry there. */
export async function bootDockerMachine(
  name: string,
  { compose = 'v2', image = IMAGE }: { compose?: Generation; image?: string | undefined } = {},
): Promise<Machine> {
  const machine = await bootMachine({ name, image: 'docker' });
  try {
    await prepare(machine, compose, image);
  } catch (error) {
    await machine.stop();
    throw error;
  }
  return machine;
}

async function prepare(machine: Machine, compose: Generation, image: string): Promise<void> {
  if (compose === 'v2') {
    const plugins = '/usr/local/lib/docker/cli-plugins';
    await machine.shell(`mkdir -p ${plugins} && ln -s /opt/compose/cmd ${plugins}/docker-compose`);
    await machine.shell('chmod -x /usr/bin/docker-compose');
  }
  await until('the engine to answer', { seconds: 30 }, async () => (await machine.run('docker', ['info'])).code === 0);
  await machine.shell(`docker import /opt/docker/node.tar ${image}`, { timeout: 60 });
}

/** A field of what Docker knows of the relay's container, by a template of Go's. */
export async function inspect(machine: Machine, field: string): Promise<string> {
  return (await machine.shell(`docker inspect --type=container --format '{{${field}}}' ${CONTAINER}`)).trim();
}

/** What tells whether the container is the same, and has run on. */
export const identity = (machine: Machine) => inspect(machine, '.Id}} {{.State.StartedAt');

/** All containers, and the networks and volumes that people or Compose have made. */
export async function everything(machine: Machine): Promise<string> {
  return machine.shell('docker ps -aq; docker network ls --filter type=custom -q; docker volume ls -q');
}
