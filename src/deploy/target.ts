/** The ways to run a relay, and what several of them have in common. */

/** `nginx-bypass` is `systemd` behind an nginx that shares its port with websites; `foreground` ends with its command. */
export const DEPLOY_TARGETS = ['systemd', 'nginx-bypass', 'compose', 'foreground'] as const;

export type DeployTarget = (typeof DEPLOY_TARGETS)[number];

/** Whether it is installed on the machine, below /etc, and stays when the command has ended. */
export function isInstalledTarget(target: DeployTarget): boolean {
  return target !== 'foreground';
}

/** Whether the relay is a unit of systemd. */
export function runsAsUnit(target: DeployTarget): boolean {
  return target === 'systemd' || target === 'nginx-bypass';
}
