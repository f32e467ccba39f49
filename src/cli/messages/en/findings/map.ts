/** What the doctor says of what clients are told of the relay. */
import { formatDay } from '../../../lines/figures.ts';
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const days = (number: number) => (number === 1 ? '1 day' : `${number} days`);
/** A value of the map that may be missing. */
const shown = (value: string) => value || '(none)';

export const map = {
  'map-fine': ({ regionId }) => ({ text: `the map fits the relay: region ${regionId}` }),
  'map-differs': ({ path }) => ({
    text: `${path} names another host or port than the relay has`,
    remedy: `${SETUP_AGAIN}, then paste what derp-setup derp-map prints`,
  }),
  'pin-differs': ({ path, mapPin, certificatePin }) => ({
    text: `the pin in ${path} (${mapPin.slice(0, 19)}…) is not that of the certificate (${certificatePin.slice(0, 19)}…): clients refuse it`,
    remedy: `${SETUP_AGAIN}, then paste what derp-setup derp-map prints`,
  }),
  'region-of-tailscale': ({ regionId }) => ({
    text: `region ${regionId} is, or may become, one of Tailscale's own, which yours replaces`,
    remedy: 'sudo derp-setup --region-id 900 (to 999), then paste the map anew',
  }),
  'region-out-of-range': ({ regionId }) => ({
    text: `region ${regionId} is outside 900 to 999, which are kept free for your own`,
    remedy: 'sudo derp-setup --region-id 900 (to 999), then paste the map anew',
  }),
  'tailnet-map-fine': ({ regionId }) => ({ text: `the tailnet's map leads its clients here: region ${regionId}` }),
  'tailnet-map-lacks': ({ headscale }) => ({
    text: "this machine's tailnet is not told of the relay: none of its clients comes here",
    remedy: `paste what derp-setup derp-map prints into its policy file (Access controls); with Headscale name ${headscale} under derp.paths, then: sudo systemctl restart headscale`,
  }),
  'tailnet-map-differs': ({ regionId, fields }) => ({
    text: `the tailnet's map is wrong about the relay (region ${regionId}): ${fields.map(({ name, there, here }) => `${name} ${shown(there)} instead of ${shown(here)}`).join(', ')}`,
    remedy: 'paste the map anew: derp-setup derp-map',
  }),
  'tailnet-map-insecure': ({ regionId }) => ({
    text: `the tailnet's map has InsecureForTests in region ${regionId}: clients believe anybody who stands in between`,
    remedy: 'paste the map that needs no such thing: derp-setup derp-map',
  }),
  'tailnet-region-shared': ({ regionId, others }) => ({
    text: `region ${regionId} of the tailnet has other relays too (${others.join(', ')}): clients on different ones cannot reach each other`,
    remedy: 'give this one a region of its own: sudo derp-setup --region-id 901, then paste the map anew',
  }),
  'tailscaled-key-ends': ({ at, daysLeft }) => ({
    text: `this machine's own key in the tailnet ends on ${formatDay(at)} (${days(daysLeft)}); from then on every new client is refused`,
    remedy:
      'disable key expiry for this machine in the admin console; or log it in anew: sudo tailscale up --force-reauth',
  }),
  'clients-connected': ({ clients }) => ({
    text: clients === 1 ? '1 client is connected' : `${clients} clients are connected`,
  }),
  'nobody-came': ({ host, ports }) => ({
    text: 'no client came from outside lately: what a provider keeps out never gets here',
    remedy: `open ${ports.join(' and ')} in the provider's security group; see that clients are given the map: derp-setup derp-map; try from another computer: npx derp-setup probe ${host}`,
  }),
} satisfies Partial<FindingMessages>;
