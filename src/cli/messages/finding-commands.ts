/** Commands and figures in the doctor's sentences that are the same in every language. */

/** Applies config.json anew, and writes what is missing. */
export const SETUP_AGAIN = 'sudo derp-setup setup --yes';
export const RESTART = 'sudo systemctl restart derp-relay';
export const JOURNAL = 'sudo journalctl -u derp-relay -n 50';

/** Permission bits as chmod takes them. */
export const octal = (mode: number) => `0${mode.toString(8)}`;
