/** Who may use the relay, by flags and config file. */
import { type AdmissionRules, defaultTailscaledSocket } from '../../relay/config.ts';
import type { IgnoredFlag } from '../../setup/derper-flags/flags.ts';
import type { RelayProblem } from '../../setup/derper-flags/go-flags.ts';
import type { RelaySettings } from '../../setup/derper-flags/settings.ts';

/** The rules, and what is to be said about how they came about. */
export interface ChosenAdmission {
  admission: AdmissionRules | null;
  problems: RelayProblem[];
  ignored: IgnoredFlag[];
}

function chooseTailscaled(settings: RelaySettings, file: AdmissionRules['tailscaled']): AdmissionRules['tailscaled'] {
  if (!(settings.verifyClients ?? file !== undefined)) return undefined;
  return { socket: settings.tailscaledSocket || (file?.socket ?? defaultTailscaledSocket) };
}

function chooseUrl(settings: RelaySettings, file: AdmissionRules['url']): AdmissionRules['url'] {
  const failOpen = settings.verifyClientUrlFailOpen;
  // What the file says of its own URL is not said of another.
  if (settings.verifyClientUrl === undefined) return file && { ...file, failOpen: failOpen ?? file.failOpen };
  return settings.verifyClientUrl === '' ? undefined : { url: settings.verifyClientUrl, failOpen: failOpen ?? false };
}

/** Each flag counts more than its field in the file; taking away all that the file asks for is a contradiction. */
export function chooseAdmission(settings: RelaySettings, file: AdmissionRules | null | undefined): ChosenAdmission {
  const tailscaled = chooseTailscaled(settings, file?.tailscaled);
  const url = chooseUrl(settings, file?.url);
  const keyFile = settings.verifyKeyFile ?? file?.keyFile;
  const rules: AdmissionRules = {
    ...(tailscaled && { tailscaled }),
    ...(url && { url }),
    ...(keyFile !== undefined && { keyFile }),
  };
  const ignored: IgnoredFlag[] = [];
  if (settings.tailscaledSocket && !tailscaled) {
    ignored.push({ flag: '-socket', reason: 'has no effect without -verify-clients' });
  }
  if (settings.verifyClientUrlFailOpen && !url) {
    ignored.push({ flag: '-verify-client-url-fail-open', reason: 'has no effect without -verify-client-url' });
  }
  if (Object.keys(rules).length > 0) {
    // They come with the rules of the file, and let in nobody where there are none.
    const proverKeys = file?.proverKeys && { proverKeys: file.proverKeys };
    return { admission: { ...rules, ...proverKeys }, problems: [], ignored };
  }
  const message = 'is restricted by the config file, and the flags lift all of it: say "admission": null there instead';
  return { admission: null, problems: file ? [{ subject: 'admission', message }] : [], ignored };
}
