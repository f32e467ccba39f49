/** Commands and figures in the doctor's sentences that are the same in every language. */

/** Applies config.json anew, and writes what is missing. */
export const SETUP_AGAIN = 'sudo derp-setup setup --yes';
export const RESTART = 'sudo systemctl restart derp-relay';
export const JOURNAL = 'sudo journalctl -u derp-relay -n 50';

/** What these commands, and their like in the sentences, are for a relay in a container. */
const DOCKERS = [
  [RESTART, 'sudo docker restart derp-relay'],
  [JOURNAL, 'sudo docker logs --tail 50 derp-relay'],
  ['sudo journalctl -u derp-relay --since -1h |', 'sudo docker logs --since 1h derp-relay 2>&1 |'],
  [
    'sudo systemctl edit derp-relay, [Service] LimitNOFILE=1048576',
    '/etc/derp-setup/compose/compose.override.yaml, {services: {derp-relay: {ulimits: {nofile: 1048576}}}}',
  ],
  ['sudo systemctl edit derp-relay', '/etc/derp-setup/compose/compose.override.yaml'],
] as const;

/** A sentence with Docker's commands in the place of systemd's. */
export function inTermsOfDocker(sentence: string): string {
  return DOCKERS.reduce((text, [systemds, dockers]) => text.replaceAll(systemds, dockers), sentence);
}

/** Permission bits as chmod takes them. */
export const octal = (mode: number) => `0${mode.toString(8)}`;
