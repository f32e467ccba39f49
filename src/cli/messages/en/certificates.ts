import type { OrderObstacle } from '../../../cert/acme/obstacle.ts';
import type { BlockedWay } from '../../../cert/acme/way.ts';
import { formatTime } from '../../lines/figures.ts';
import type { Wording } from '../wording.ts';
import { owner } from './owner.ts';

type Obstacle<C extends OrderObstacle['code']> = Extract<OrderObstacle, { code: C }>;

const time = (at: string) => formatTime(new Date(at));
const list = (words: readonly string[]) => words.join(', ');

/** What an authority said, or did not. */
function authority({ reason, detail, host, challenge, port, retryAt }: Obstacle<'authority'>): Wording {
  const letIn = `let port ${port ?? 80}/tcp in, at the firewall and in your provider's security group`;
  switch (reason) {
    case 'unreachable':
      return {
        rule: `cannot be reached: ${detail}`,
        remedy: 'check the network of this machine, and HTTPS_PROXY if it needs a proxy',
      };
    case 'untrusted':
      return {
        rule: `shows a certificate that this machine does not trust: ${detail}`,
        remedy:
          "check this machine's clock; for an authority of your own, have the machine trust its root (update-ca-certificates)",
      };
    case 'not-a-directory':
      return { rule: `is no ACME directory: ${detail}`, remedy: "check the URL in the authority's documentation" };
    case 'server-error':
      return { rule: `has trouble of its own: ${detail}`, remedy: 'try again later; nothing is wrong here' };
    case 'rate-limited':
      return {
        rule: `wants no more orders for now: ${detail}`,
        remedy: `wait ${retryAt === undefined ? 'an hour at least' : `until ${time(retryAt)}`}, and mend the cause first: each failure counts`,
      };
    case 'bad-nonce':
      return { rule: `lost the thread again and again: ${detail}`, remedy: 'try again' };
    case 'too-slow':
      return { rule: `did not finish within ${detail}`, remedy: 'try again later' };
    case 'account-unknown':
      return { rule: `knows the account no more: ${detail}`, remedy: 'try again: a new one is opened' };
    case 'account-refused':
      return { rule: `refuses the account: ${detail}`, remedy: 'see its words' };
    case 'external-account-required':
      return {
        rule: 'wants an account that it knows already',
        remedy: 'get a key there, and name it with --eab-kid and --eab-key-file',
      };
    case 'external-account-refused':
      return {
        rule: `refuses the external account: ${detail}`,
        remedy: 'check --eab-kid and --eab-key-file; some keys can be used once only',
      };
    case 'contact-refused':
      return { rule: `refuses the e-mail address: ${detail}`, remedy: 'give another --email, or none' };
    case 'terms-changed':
      return { rule: `has new terms of service: ${detail}`, remedy: 'read them there, and agree' };
    case 'identifier-refused':
      return {
        rule: `does not issue for ${host}: ${detail}`,
        remedy: 'choose another --host, another --acme-directory, or --cert self-signed',
      };
    case 'profile-refused':
      return { rule: `does not issue certificates of that kind for ${host}: ${detail}`, remedy: 'try again later' };
    case 'challenge-missing':
      return {
        rule: `proves ${host} by ${detail} only, and not by ${challenge ?? 'another'}`,
        remedy: 'choose another --acme-challenge, or leave it out',
      };
    case 'dns':
      return {
        rule: `finds no way to ${host} by DNS: ${detail}`,
        remedy: `check the A and AAAA records of ${host} at your DNS provider; new ones take a while to be seen everywhere`,
      };
    case 'caa':
      return {
        rule: `may not issue for ${host} by its CAA records: ${detail}`,
        remedy: 'add it to the CAA records at your DNS provider',
      };
    case 'connection':
      return { rule: `could not connect to ${host}: ${detail}`, remedy: letIn };
    case 'tls':
      return {
        rule: `could not speak TLS with ${host}: ${detail}`,
        remedy: `check that nothing stands between port ${port ?? 443} of the host and this machine; ${letIn}`,
      };
    case 'wrong-answer':
      return {
        rule: `did not find our answer at ${host}: ${detail}`,
        remedy: `${letIn}; check that no other server answers there, and that every A and AAAA record leads here`,
      };
    case 'already-replaced':
    case 'request-refused':
    case 'other':
      return { rule: `refuses: ${detail}`, remedy: 'see its words' };
  }
}

/** Why an address of the host leads nowhere. */
function address({ obstacle, port, challenge, host }: Obstacle<'address-obstacle'>): Wording {
  const record = `${obstacle.address.includes(':') ? 'AAAA' : 'A'} record`;
  const isName = obstacle.address !== host;
  if (obstacle.code === 'silent-here') {
    return {
      rule: `cannot be proved: nothing answers for ${challenge} on port ${port} of this machine (${obstacle.address})`,
      remedy: 'see whether the relay runs, and has that port: derp-setup doctor',
    };
  }
  const mine = obstacle.own.length > 0 ? `, and this machine is ${list(obstacle.own)}` : '';
  const elsewhere = obstacle.code === 'answered-elsewhere' ? 'where another server answers' : 'where nobody answers';
  const rule = isName
    ? `leads to ${obstacle.address}, ${elsewhere}${mine}`
    : `is not this machine: ${elsewhere}${mine}`;
  if (!isName) return { rule, remedy: `let port ${port}/tcp in, or give the address of this machine` };
  const change = obstacle.own[0] === undefined ? 'remove' : `point at ${obstacle.own[0]}, or remove,`;
  return { rule, remedy: `${change} the ${record} of ${host} at your DNS provider: the authority tries every one` };
}

function blocked({ challenge, port, holder }: BlockedWay): string {
  const reason =
    holder.state === 'denied'
      ? 'may not be opened by this user'
      : `is in use by ${owner(holder.state === 'taken' ? holder.owner : undefined)}`;
  return `${challenge} needs port ${port}, which ${reason}`;
}

/** Each rule that keeps a certificate from being ordered. */
export const obstacles: { [C in OrderObstacle['code']]: (rule: Obstacle<C>) => Wording } = {
  authority,
  'order-waits': ({ until, by, detail }) => ({
    rule:
      by === 'authority'
        ? `must wait until ${time(until)}: the authority wants no order before (${detail})`
        : `must wait until ${time(until)}: it has failed several times (${detail}), and authorities count failures`,
    remedy: 'mend the cause meanwhile, or choose --cert self-signed for now',
  }),
  'clock-wrong': ({ aheadMinutes }) => ({
    rule: `has another time: this machine's clock is ${Math.abs(aheadMinutes)} minutes ${aheadMinutes > 0 ? 'fast' : 'slow'}`,
    remedy: 'set it: timedatectl set-ntp true',
  }),
  'needs-external-account': () => ({
    rule: 'opens accounts only for those that it knows already',
    remedy: 'get a key there, and name it with --eab-kid and --eab-key-file',
  }),
  'host-without-address': ({ failure }) =>
    failure === 'not-found'
      ? {
          rule: 'has no address in DNS, so that no authority can reach it',
          remedy:
            'make an A record for it at your DNS provider (with IPv6, an AAAA record too), and wait until it is seen',
        }
      : { rule: 'cannot be looked up: the name servers do not answer', remedy: 'check them: resolvectl status' },
  'caa-forbids': ({ authority: name, obstacle }) => ({
    rule:
      obstacle.onlyByMethods === undefined
        ? `may not get a certificate of ${name}: the CAA records of ${obstacle.name} allow ${obstacle.allowed.length > 0 ? `only ${list(obstacle.allowed)}` : 'nobody'}`
        : `may get a certificate of ${name} by ${list(obstacle.onlyByMethods)} only, by the CAA records of ${obstacle.name}`,
    remedy: `change the CAA records of ${obstacle.name} at your DNS provider, or choose another authority with --acme-directory`,
  }),
  'no-challenge-port': ({ blocked: ways }) => {
    const denied = ways.some(({ holder }) => holder.state === 'denied');
    const names = ways.flatMap(({ holder }) =>
      holder.state === 'taken' && holder.owner?.name !== undefined ? [holder.owner.name] : [],
    );
    return {
      rule: `cannot be proved: ${ways.map(blocked).join('; ')}`,
      remedy: denied
        ? 'run as root, or choose --cert self-signed'
        : `stop ${names[0] ?? 'it'}, or choose --cert self-signed`,
    };
  },
  'address-obstacle': address,
  'private-host': () => ({
    rule: 'cannot be reached from the internet, so that no public authority issues for it',
    remedy: 'choose --cert self-signed, a public --host, or an authority of your own with --acme-directory',
  }),
};

/** Values that an authority would not take. */
export const valueProblems = {
  'no-chain-in-directory': ({ tried }: { tried: readonly string[] }) => ({
    rule: 'holds no chain by one of the usual names',
    remedy: `name the file; looked for ${list(tried.map((path) => path.slice(path.lastIndexOf('/') + 1)))}`,
  }),
  'not-an-email': () => ({ rule: 'is not an e-mail address', remedy: 'such as admin@example.com, or leave it out' }),
  'not-a-directory-url': () => ({
    rule: 'is not the URL of an ACME directory',
    remedy: 'https://…, as the authority names it; without it, Let’s Encrypt is asked',
  }),
  'not-a-key-id': () => ({ rule: 'is not a key id', remedy: 'give it as the authority shows it' }),
  'not-served': ({ detail }: { detail: string }) => ({
    rule: `has a new certificate, which the relay did not take up on ${detail}; the one before is back in its place`,
    remedy: 'see why: sudo journalctl -u derp-relay -n 50',
  }),
  'not-a-mac-key': () => ({
    rule: 'holds no key of an external account',
    remedy: 'it must hold the one line that the authority shows as HMAC key (base64url)',
  }),
};

/** What is told about ordering and renewing. */
export const certificates = {
  order: (host: string) => `order a certificate for ${host}`,
  orderDetail: (authorityHost: string, profile: string | undefined, challenge: string) =>
    list([
      authorityHost.endsWith('.letsencrypt.org') ? 'Let’s Encrypt' : authorityHost,
      ...(profile ? [profile] : []),
      ...(challenge ? [challenge] : []),
    ]),
  kept: (what: readonly string[]) => `Kept for the next try: ${list(what)}`,
  failed: (subject: string, rule: string) => `no certificate: ${subject} ${rule}`,
  staging: (directory: string) => `A trial order at ${directory}, whose certificates nobody trusts:`,
  stagingPassed: 'it would be issued',
  stagingSkipped: 'A trial order is left out: the running relay would have to answer, which takes files.',
  later: 'ordered by: derp-setup renew',
  renewed: (host: string, until: string) => `A new certificate for ${host} is served, good to ${until}.`,
  reimported: (file: string, until: string) =>
    `The certificate in ${file} has changed: it is served now, good to ${until}.`,
  notDue: (until: string, next: string) => `The certificate is good to ${until}, and due from ${next}: nothing to do.`,
  authorityAsks: (url: string | undefined) =>
    url === undefined ? 'The authority asks for an early renewal.' : `The authority asks for an early renewal: ${url}`,
  waiting: (until: string, detail: string) => `No order before ${until}, after a failure: ${detail}`,
  notServed: (port: number) =>
    `the relay does not serve the new certificate on port ${port}; the one before is back in its place`,
  stillServed: (until: string) => `The one before is still served, good to ${until}.`,
  ended: 'There is no valid certificate: clients refuse the relay.',
  nextReady: (days: number, at: string) =>
    `The certificate ends in ${days} days, on ${at}. Its successor is ready, with a new pin.`,
  entryNow: 'The node entry until then:',
  entryNext: 'The node entry from then on:',
  switchBy: (at: string) =>
    `Clients take one pin at a time. Put the new entry into the map, and at the same time run:  sudo derp-setup renew --switch\nIf nobody does, it is switched by itself from ${at} on.`,
  switched: (pin: string) => `Switched: the certificate's pin is ${pin} now. Paste the new derpMap:`,
  nothingToSwitch: 'There is no successor to switch to: renew makes one from 30 days before the end.',
};
