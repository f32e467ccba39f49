/** What the doctor says of the certificate and its renewal. */
import { formatDay, formatTime } from '../../../lines/figures.ts';
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const days = (number: number) => (number === 1 ? '1 day' : `${number} days`);
const exit = (status: number | undefined) => (status === undefined ? '' : `, with exit code ${status}`);

const again = (next: Date | undefined) => (next === undefined ? '' : `; it is tried again from ${formatTime(next)} on`);

export const certificate = {
  'certificate-fine': ({ host, notAfter, daysLeft }) => ({
    text: `the certificate is for ${host}, matches its key, and is good to ${formatDay(notAfter)} (${days(daysLeft)})`,
  }),
  'certificate-wrong-host': ({ host, names }) => ({
    text: `the certificate is for ${names || 'no name at all'}, not for ${host}: clients refuse it`,
    remedy: `use one for ${host} (sudo derp-setup --cert-file FILE --key-file FILE), or the host that it names (--host NAME)`,
  }),
  'certificate-ended': ({ at }) => ({
    text: `the certificate ended on ${at}: clients refuse it`,
    remedy: 'sudo derp-setup renew',
  }),
  'certificate-early': ({ at }) => ({
    text: `the certificate is valid from ${at} only, by this machine's clock`,
    remedy: 'set the clock: sudo timedatectl set-ntp true',
  }),
  'certificate-key-mismatch': ({ certFile, keyFile }) => ({
    text: `${keyFile} is not the key of ${certFile}: the relay cannot start with them`,
    remedy: 'take over the two files of one pair: sudo derp-setup --cert-file FILE --key-file FILE',
  }),
  'certificate-problem': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject} ${text}`,
    remedy: remedy ?? 'sudo derp-setup renew',
  }),
  'certificate-ends-soon': ({ notAfter, daysLeft, selfSigned }) =>
    selfSigned
      ? {
          text: `the certificate ends on ${formatDay(notAfter)} (${days(daysLeft)}), and its successor has a new pin, which every derpMap needs`,
          remedy:
            'see what comes next, and change over when it suits you: sudo derp-setup renew; then paste the new map: derp-setup derp-map',
        }
      : {
          text: `the certificate ends on ${formatDay(notAfter)} (${days(daysLeft)}), and should have been renewed by now`,
          remedy: 'sudo derp-setup renew; what went wrong: sudo journalctl -u derp-setup-renew -n 50',
        },
  'certificate-not-loaded': ({ servedUntil, fileUntil }) => ({
    text: `the relay serves another certificate (to ${formatDay(servedUntil)}) than its file holds (to ${formatDay(fileUntil)})`,
    remedy: 'sudo systemctl reload derp-relay',
  }),
  'chain-incomplete': ({ file, issuer }) => ({
    text: `${file} lacks the certificate of its issuer (${issuer}): most clients refuse it`,
    remedy: 'use the full chain (fullchain.pem): sudo derp-setup --cert-file FULLCHAIN --key-file KEY',
  }),
  'private-authority': ({ issuer }) => ({
    text: `no public authority stands behind the certificate (issuer: ${issuer})`,
    remedy:
      'right if all clients trust that issuer; otherwise: sudo derp-setup --cert self-signed, which clients know by its pin',
  }),
  'renewal-planned': ({ next }) => ({
    text: `the renewal timer runs${next ? `, next at ${formatTime(next)}` : ''}, and its last run went well`,
  }),
  'timer-missing': ({ unit }) => ({
    text: `systemd knows no ${unit}: nobody renews the certificate`,
    remedy: `install it again: ${SETUP_AGAIN}`,
  }),
  'timer-stopped': ({ unit }) => ({
    text: `${unit} does not run: nobody renews the certificate`,
    remedy: `sudo systemctl enable --now ${unit}`,
  }),
  'timer-not-enabled': ({ unit }) => ({
    text: `${unit} would not start when the machine does`,
    remedy: `sudo systemctl enable ${unit}`,
  }),
  'renewal-by-cron-planned': () => ({ text: 'cron has the certificate renewed' }),
  'renewal-by-nobody': ({ line }) => ({
    text: 'without systemd nothing here renews the certificate by itself',
    remedy: `a line for root's crontab (sudo crontab -e): ${line}`,
  }),
  'renewal-failed': ({ unit, exitStatus, next }) => ({
    text: `the last run of ${unit} failed${exit(exitStatus)}${again(next)}`,
    remedy: 'mend what its last lines say, then: sudo derp-setup renew',
  }),
  'order-failed': ({ problem, at, next }, { text, remedy }) => ({
    text: `there is no new certificate${at ? ` since a try at ${formatTime(at)}` : ''}: ${problem.subject} ${text}${again(next)}`,
    remedy: `${remedy === undefined ? '' : `${remedy}; then: `}sudo derp-setup renew --force`,
  }),
} satisfies Partial<FindingMessages>;
