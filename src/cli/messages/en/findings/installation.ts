/** What the doctor says of the files of the installation, its service, and the Node that runs it. */
import { formatTime } from '../../../lines/figures.ts';
import { JOURNAL, octal, RESTART, SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

const times = (number: number) => (number === 1 ? 'once' : `${number} times`);
const exit = (status: number | undefined) => (status === undefined ? '' : `, with exit code ${status}`);

export const installation = {
  'files-fine': () => ({ text: 'the files of the installation are all there, and agree with each other' }),
  'file-missing': ({ path }) => ({ text: `${path} is missing`, remedy: `write it anew: ${SETUP_AGAIN}` }),
  'file-damaged': ({ path }) => ({
    text: `${path} does not hold what was written there`,
    remedy: `move it away, and write it anew: ${SETUP_AGAIN}`,
  }),
  'file-unusable': ({ problem }, { text, remedy }) => ({
    text: `${problem.subject} ${text}`,
    remedy: remedy ?? `mend it, then: ${SETUP_AGAIN}`,
  }),
  'answers-differ': ({ path, fields }) => ({
    text: `${path} was changed and not applied: ${fields.map(({ name, answer, relay }) => `${name} is ${answer} there, ${relay} for the relay`).join('; ')}`,
    remedy: `apply it: ${SETUP_AGAIN}`,
  }),
  'file-edited': ({ path }) => ({
    text: `${path} was changed by hand; the next setup or upgrade stops there`,
    remedy:
      'keep changes of a unit in a drop-in: sudo systemctl edit derp-relay; then: sudo derp-setup setup --yes --overwrite',
  }),
  'service-runs': ({ since, version }) => ({
    text: `derp-relay ${version} runs${since ? ` since ${formatTime(since)}` : ''}, and answers`,
  }),
  'foreground-runs': ({ version }) => ({ text: `derp-relay ${version} runs in the foreground, and answers` }),
  'foreground-ended': () => ({
    text: 'the relay does not run: it served in the foreground, and was ended',
    remedy: 'run it again: derp-setup --deploy foreground; to keep it running, install it: sudo derp-setup',
  }),
  'prepared-only': ({ root }) => ({
    text: `the files below ${root} were prepared for another machine; nothing of it runs here`,
    remedy: 'copy them to that machine, and run derp-setup doctor there',
  }),
  'service-missing': ({ unit }) => ({ text: `systemd knows no ${unit}`, remedy: `install it again: ${SETUP_AGAIN}` }),
  'service-stopped': ({ unit, active, result, exitStatus }) => ({
    text: `${unit} does not run: ${active}${result && result !== 'success' ? ` (${result}${exit(exitStatus)})` : ''}`,
    remedy: `sudo systemctl start ${unit}; if it stops again: ${JOURNAL}`,
  }),
  'service-restarting': ({ unit, restarts, exitStatus }) => ({
    text: `${unit} ends as soon as it starts${exit(exitStatus)}; systemd has tried again ${times(restarts)}`,
    remedy: `mend what its last lines say: ${JOURNAL}`,
  }),
  'service-restarted': ({ restarts, since }) => ({
    text: `the relay ended by itself, and was started again ${times(restarts)}, last at ${formatTime(since)}`,
    remedy: `see why: ${JOURNAL}`,
  }),
  'service-not-enabled': ({ unit }) => ({
    text: `${unit} would not start when the machine does`,
    remedy: `sudo systemctl enable ${unit}`,
  }),
  'unit-stale': ({ unit }) => ({
    text: `${unit} was changed on disk, and systemd has not read it since`,
    remedy: `sudo systemctl daemon-reload; what changed takes effect with: ${RESTART}`,
  }),
  'docker-silent': () => ({
    text: "Docker's engine does not answer: the relay's container cannot run",
    remedy: 'sudo systemctl enable --now docker (without systemd: sudo service docker start)',
  }),
  'container-runs': ({ since, version, image }) => ({
    text: `derp-relay ${version} runs in a container of ${image}${since ? ` since ${formatTime(since)}` : ''}, and answers`,
  }),
  'container-missing': ({ name }) => ({
    text: `Docker knows no container ${name}`,
    remedy: `make it again: ${SETUP_AGAIN}`,
  }),
  'container-stopped': ({ name, status, exitStatus }) => ({
    text: `the container ${name} does not run: ${status}${exit(exitStatus)}`,
    remedy: `sudo docker start ${name}; if it stops again: ${JOURNAL}`,
  }),
  'container-restarting': ({ name, restarts, exitStatus }) => ({
    text: `the relay in the container ${name} ends as soon as it starts${exit(exitStatus)}; Docker has tried again ${times(restarts)}`,
    remedy: `mend what its last lines say: ${JOURNAL}`,
  }),
  'container-unhealthy': ({ name, image }) => ({
    text: `Docker takes the container ${name} for unhealthy, though the relay answers: its check cannot be run in it`,
    remedy: `see why: sudo docker inspect --format '{{json .State.Health}}' ${name}; the image must have Node in its PATH (${image})`,
  }),
  'container-not-at-boot': ({ name }) => ({
    text: `Docker would not start the container ${name} when the machine starts`,
    remedy: `sudo docker update --restart unless-stopped ${name}; for good: take "restart" out of compose.override.yaml`,
  }),
  'image-outdated': ({ name, image }) => ({
    text: `${image} was pulled anew, and the container ${name} still runs what it was before`,
    remedy: 'make it of the new one: cd /etc/derp-setup/compose && sudo docker compose up -d',
  }),
  'relay-silent': ({ port }) => ({
    text: `the service runs, but no relay answers on port ${port} of this machine`,
    remedy: `see what it waits for: ${JOURNAL}; then: ${RESTART}`,
  }),
  'other-relay-answers': ({ port }) => ({
    text: `the relay on port ${port} has another key than the key file says`,
    remedy: `have it read the key file: ${RESTART}; if that does not help, another relay has the port: sudo ss -ltnp`,
  }),
  'restart-needed': ({ running, installed }) => ({
    text: `version ${installed} is installed, but ${running} still runs`,
    remedy: RESTART,
  }),
  'derper-enabled': ({ name, running }) => ({
    text: running
      ? `a derper runs here too (${name})`
      : `a derper (${name}) starts with the machine, and takes the same ports`,
    remedy: `take its place for good: sudo derp-setup --take-over; or: sudo systemctl disable --now ${name}`,
  }),
  'runtime-fine': ({ version }) => ({ text: `the service runs with Node ${version}` }),
  'runtime-missing': ({ path }) => ({
    text: `the Node of the service is gone (${path}): it cannot start again`,
    remedy: 'install with the Node that there is now: sudo npx derp-setup setup --yes',
  }),
  'runtime-too-old': ({ path, version }) => ({
    text: `the Node of the service (${path}) is ${version}; 20.19 or 22.12 at least is needed`,
    remedy: 'bring a newer one along: sudo npx -y -p node@24 -p derp-setup derp-setup setup --yes',
  }),
  'runtime-broken': ({ path, detail }) => ({
    text: `the Node of the service (${path}) cannot be run: ${detail}`,
    remedy: 'install with another one: sudo npx -y -p node@24 -p derp-setup derp-setup setup --yes',
  }),
  'permissions-fine': () => ({ text: 'keys are for the relay alone, and it can read what it needs' }),
  'file-exposed': ({ path, mode, wanted }) => ({
    text: `${path} holds a key, and others may read it (mode ${octal(mode)})`,
    remedy: `sudo chmod ${octal(wanted)} ${path}`,
  }),
  'file-mode': ({ path, mode, wanted }) => ({
    text: `${path} has mode ${octal(mode)} instead of ${octal(wanted)}`,
    remedy: `sudo chmod ${octal(wanted)} ${path}`,
  }),
  'file-owner': ({ path, owner: whose, wanted }) => ({
    text: `${path} belongs to ${whose} instead of ${wanted}, so that the relay may not get at it`,
    remedy: `sudo chown ${wanted} ${path}`,
  }),
} satisfies Partial<FindingMessages>;
