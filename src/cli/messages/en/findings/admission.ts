/** What the doctor says of who may use the relay. */
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const times = (number: number) => (number === 1 ? 'once' : `${number} times`);
/** The first few of a list that may be long. */
const MOST = 5;
const listed = (items: readonly string[]) =>
  `${items.slice(0, MOST).join(', ')}${items.length > MOST ? ` and ${items.length - MOST} more` : ''}`;

export const admission = {
  'open-relay': () => ({
    text: 'anyone may use this relay: strangers find open relays, and use them',
    remedy: "let in the members of this machine's tailnet only: sudo derp-setup --verify tailscaled",
  }),
  'open-to-addresses': () => ({
    text: 'whoever comes from an allowed address may use this relay, with any key',
    remedy: "let in the members of this machine's tailnet only: sudo derp-setup --verify tailscaled",
  }),
  'address-lists-fine': ({ allow, deny }) => {
    const ranges = (number: number) => (number === 1 ? '1 range' : `${number} ranges`);
    const parts = [
      ...(allow === undefined ? [] : [`only ${ranges(allow)} of addresses may connect`]),
      ...(deny === undefined ? [] : [`${ranges(deny)} of addresses may not connect`]),
    ];
    return { text: parts.join('; ') };
  },
  'address-list-unreachable': ({ path }) => ({
    text: `the relay's user may not read ${path}: it goes on with the list of before, and cannot start again`,
    remedy: `sudo chmod o+r ${path}, and o+x for the directories above it; not below /home, /root or /tmp`,
  }),
  'address-list-bad': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject}, a list of addresses, ${text}: the relay goes on with the list of before, and cannot start again`,
    remedy: `${remedy === undefined ? 'mend it' : remedy}; then: sudo systemctl reload derp-relay`,
  }),
  'nft-rules-stale': ({ isListed }) => ({
    text: isListed
      ? "the kernel's rules were made of other lists or ports than the relay's: it may turn away whom the relay would let in"
      : "the kernel's rules keep addresses out, and the relay has no list of any",
    remedy: isListed
      ? 'sudo derp-setup nftables | sudo nft -f - (and wherever they are kept for the next start of this machine)'
      : 'sudo nft delete table inet derp_setup (and wherever they are kept for the next start of this machine)',
  }),
  'tailscaled-answers': ({ version }) => ({
    text: `tailscaled${version === undefined ? '' : ` ${version}`} says who belongs to the tailnet`,
  }),
  'tailscaled-absent': () => ({
    text: 'tailscaled, which says who may use the relay, does not run: every new client is refused',
    remedy: 'sudo systemctl enable --now tailscaled; to install it: https://tailscale.com/download/linux',
  }),
  'tailscaled-silent': ({ detail }) => ({
    text: `tailscaled does not say who may use the relay${detail ? `: ${detail}` : ''}`,
    remedy: 'sudo systemctl restart tailscaled, then: tailscale status',
  }),
  'tailscaled-logged-out': () => ({
    text: 'tailscaled is not logged in, so it knows nobody: every new client is refused',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-stopped': () => ({
    text: 'tailscaled is switched off, so it knows nobody: every new client is refused',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-old': ({ version, first }) => ({
    text: `tailscaled ${version} cannot be asked about keys; ${first} can`,
    remedy: 'sudo tailscale update, or update it with your package manager',
  }),
  'admission-url-answers': ({ url }) => ({ text: `the admission URL answers, and refuses a stranger (${url})` }),
  'admission-url-fails': ({ url, detail }) => ({
    text: `the admission URL does not say who may use the relay: ${detail} (${url})`,
    remedy: `try it from this machine: curl -i ${url}; another one: sudo derp-setup --verify url:https://…`,
  }),
  'admission-url-admits-all': ({ url }) => ({
    text: `the admission URL lets in a key that nobody has (${url})`,
    remedy: 'see what answers there: Headscale and others answer at /verify',
  }),
  'key-list-fine': ({ path, keys }) => ({ text: `${path} lets in ${keys === 1 ? '1 key' : `${keys} keys`}` }),
  'key-list-empty': ({ path }) => ({
    text: `${path} names no key: every client is refused`,
    remedy: 'write one nodekey:… a line (tailscale status --json tells them), then: sudo systemctl reload derp-relay',
  }),
  'key-list-unreachable': ({ path }) => ({
    text: `the relay's user may not read ${path}: it cannot start again`,
    remedy: `sudo chmod o+r ${path}, and o+x for the directories above it; not below /home, /root or /tmp`,
  }),
  'key-list-bad': ({ detail }) => ({
    text: `the list of keys cannot be used: ${detail}`,
    remedy: 'mend it, then: sudo systemctl reload derp-relay',
  }),
  'admission-unanswered': ({ failures }) => ({
    text: `${failures === 1 ? '1 question' : `${failures} questions`} about clients got no answer since the relay started`,
    remedy: 'it answers now; when it did not: sudo journalctl -u derp-relay | grep admission_unanswered',
  }),
  'refused-lately': ({ refused }) => ({
    text: `${refused.length === 1 ? '1 key was' : `${refused.length} keys were`} refused in the last hour: ${listed(refused.map(({ key, name, reason, times: count }) => `${name ? `${name} ` : ''}${key} ${times(count)} (${reason})`))}`,
    remedy: 'if one of them is yours, see that its node is in the tailnet, or on the list, that the relay asks',
  }),
  'admission-url-open': ({ url }) => ({
    text: `while the admission URL does not answer, everybody is let in (${url})`,
    remedy: `have strangers refused then: ${SETUP_AGAIN} --overwrite`,
  }),
  'admission-url-plain': ({ url }) => ({
    text: `the admission URL is asked without TLS (${url}): whoever is on the way can let strangers in`,
    remedy: 'sudo derp-setup --verify url:https://…',
  }),
  'members-not-listed': ({ path, nodes }) => ({
    text: `${nodes.length === 1 ? "1 node of this machine's tailnet is" : `${nodes.length} nodes of this machine's tailnet are`} not in ${path}, and refused: ${listed(nodes.map(({ name, key }) => `${name} ${key}`))}`,
    remedy:
      'add their keys (tailscale status --json tells them; who logs in anew has another one), then: sudo systemctl reload derp-relay',
  }),
} satisfies Partial<FindingMessages>;
