/** What a group of steps does, in words. */
import { basename, dirname } from 'node:path';
import { structuredPatch } from 'diff';
import type { Opening, Step } from '../../deploy/steps.ts';
import type { PreviewedStep } from '../../setup/preview.ts';
import type { Messages } from '../messages/en.ts';
import { formatBytes } from './columns.ts';
import type { StepGroup } from './step-groups.ts';
import { displayWidth, harmless } from './text.ts';

/** Longer lists of names are counted instead. */
const LONGEST_LIST = 46;

/** A line of a plan: what is done, and a figure or a word that says more. */
export interface StepText {
  text: string;
  detail: string;
  /** Something that was changed by hand is replaced. */
  alarming: boolean;
}

type Plan = Messages['plan'];

/** The steps of one kind. */
function stepsOf<K extends Step['kind']>({ members }: StepGroup, kind: K): Extract<Step, { kind: K }>[] {
  return members.flatMap(({ step }) => (step.kind === kind ? [step as Extract<Step, { kind: K }>] : []));
}

/** `443/tcp, 3478/udp`. */
export function openingsText(openings: readonly Opening[]): string {
  return openings.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
}

/** How many lines come and go; undefined where there are no texts to compare. */
export function changedLines({ finding }: PreviewedStep): { added: number; removed: number } | undefined {
  const { before, after } = finding;
  if (before === undefined || after === undefined) return undefined;
  const lines = structuredPatch('', '', before, after, '', '', { context: 0 }).hunks.flatMap((hunk) => hunk.lines);
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return { added: count('+'), removed: count('-') };
}

/** `+3 −1 lines`, summed up over files; a word where nothing can be counted. */
function changeDetail(members: readonly PreviewedStep[], text: Plan): string {
  const files = members.filter(({ step }) => ['file', 'edit', 'restore'].includes(step.kind));
  if (files.length === 0) return '';
  if (files.every(({ finding }) => finding.change === 'create')) return text.isNew;
  const counts = files.flatMap((file) => (file.finding.change === 'create' ? [] : (changedLines(file) ?? [])));
  const sum = (pick: (count: { added: number; removed: number }) => number) =>
    counts.reduce((total, count) => total + pick(count), 0);
  const lines = text.lines(
    sum(({ added }) => added),
    sum(({ removed }) => removed),
  );
  const fresh = files.filter(({ finding }) => finding.change === 'create').length;
  const parts = [...(fresh > 0 ? [text.newFiles(fresh)] : []), ...(counts.length > 0 ? [lines] : [])];
  // A secret that changes, or a file whose owner and mode are not right.
  if (parts.length > 0) return text.list(parts);
  return files.every(({ step }) => step.kind === 'file' && step.secret) ? text.replaced : text.modeOnly;
}

/** `relay.json, config.json`, or how many there are. */
function namesIn(paths: readonly string[], text: Plan): string {
  if (paths.length === 1) return paths[0]!;
  const names = text.list(paths.map((path) => basename(path)));
  const directory = dirname(paths[0]!);
  return text.filesIn(displayWidth(names) <= LONGEST_LIST ? names : text.files(paths.length), directory);
}

function programsText(group: StepGroup, text: Plan): StepText {
  const [programs] = stepsOf(group, 'programs');
  const [runtime] = stepsOf(group, 'runtime');
  const [link] = stepsOf(group, 'link');
  const [launcher] = stepsOf(group, 'file');
  const alarming = false;
  if (programs) {
    const [files = '0', bytes = '0'] = group.members.find(({ step }) => step === programs)?.finding.details ?? [];
    const size = text.filesAndBytes(Number(files), formatBytes(Number(bytes)));
    const detail = runtime ? text.list([size, text.withRuntime(runtime.version)]) : size;
    return { text: text.programs(programs.path), detail, alarming };
  }
  if (runtime) return { text: text.runtime(runtime.version), detail: '', alarming };
  if (link) return { text: text.usePrograms(link.target), detail: '', alarming };
  const { path = '' } = launcher ?? {};
  return { text: text.change(path), detail: changeDetail(group.members, text), alarming };
}

function filesText(group: StepGroup, text: Plan): StepText {
  const paths = stepsOf(group, 'file').map(({ path }) => path);
  const created = group.members.some(({ finding }) => finding.change === 'create');
  const alarming = group.members.some(({ finding }) => finding.editedByHand === true);
  const detail = changeDetail(group.members, text);
  return {
    text: (created ? text.write : text.change)(namesIn(paths, text)),
    detail: alarming ? `${detail}, ${text.editedByHand}` : detail,
    alarming,
  };
}

function serviceText(group: StepGroup, text: Plan): StepText {
  const [service] = stepsOf(group, 'service');
  const action = group.members[0]?.finding.details?.[0];
  const name = (service?.unit ?? '').replace(/\.service$/, '');
  if (action === 'reload') return { text: text.reload(name), detail: text.reloadNote, alarming: false };
  if (action === 'restart') return { text: text.restart(name), detail: text.restartNote, alarming: false };
  return { text: text.start(name), detail: '', alarming: false };
}

function containerText(group: StepGroup, text: Plan): StepText {
  const [step] = stepsOf(group, 'compose');
  const action = group.members[0]?.finding.details?.[0];
  const name = step?.project.container ?? '';
  if (action === 'reload') return { text: text.reload(name), detail: text.reloadNote, alarming: false };
  if (action === 'recreate') return { text: text.recreateContainer(name), detail: text.restartNote, alarming: false };
  return { text: text.startContainer(name), detail: '', alarming: false };
}

/** A group in words. */
export function describeGroup(group: StepGroup, messages: Messages): StepText {
  const { plan: text, certificates, nginx } = messages;
  const plain = (words: string, detail = ''): StepText => ({ text: words, detail, alarming: false });
  const subjects = group.members.map(({ step }) =>
    harmless('unit' in step ? step.unit : 'path' in step ? step.path : ''),
  );
  switch (group.kind) {
    case 'user':
      return plain(text.user(stepsOf(group, 'user')[0]!.name));
    case 'programs':
      return programsText(group, text);
    case 'certificate':
      return plain(text.certificate, changeDetail(group.members, text));
    case 'order': {
      const { host, expected } = stepsOf(group, 'certificate')[0]!.order;
      const { authority, profile, challenge } = expected;
      return plain(certificates.order(host), certificates.orderDetail(authority, profile, challenge));
    }
    case 'relay-key':
      return plain(text.relayKey, changeDetail(group.members, text));
    case 'files':
      return filesText(group, text);
    case 'directories': {
      const paths = stepsOf(group, 'directory').map(({ path }) => path);
      const created = group.members.some(({ finding }) => finding.change === 'create');
      return plain(created ? text.directories(paths) : text.directoryModes(paths));
    }
    case 'firewall': {
      const { tool, openings } = stepsOf(group, 'firewall')[0]!;
      return plain(text.openFirewall(tool, openingsText(openings)));
    }
    case 'stop-derper':
      return plain(text.stopDerper(stepsOf(group, 'stop-derper')[0]!.name), text.stopDerperNote);
    case 'edits':
      return plain(nginx.edit(namesIn(subjects, text)), changeDetail(group.members, text));
    case 'restore': {
      const touched = group.members.some(({ finding }) => finding.details?.includes('touched'));
      const detail = changeDetail(group.members, text);
      return plain(nginx.restore(namesIn(subjects, text)), touched ? text.list([detail, nginx.touched]) : detail);
    }
    case 'nginx':
      return plain(text.reloadNginx);
    case 'boot':
      return plain(text.boot(text.list(subjects.map((unit) => unit.replace(/\.service$/, '')))));
    case 'service':
      return serviceText(group, text);
    case 'image':
      return plain(text.pullImage(stepsOf(group, 'image')[0]!.image), text.pullNote);
    case 'compose':
      return containerText(group, text);
    case 'compose-down':
      return plain(text.removeContainer(stepsOf(group, 'compose-down')[0]!.project.container));
    case 'keep':
      return plain(text.keep(namesIn(subjects, text)), text.keepNote);
    case 'remove-files':
      return plain(text.remove(namesIn(subjects, text)));
    case 'remove-tree':
      return plain(text.removeTree(subjects[0]!));
    case 'remove-directories':
      return plain(text.removeDirectories(subjects));
    case 'disable':
      return plain(text.disable(text.list(subjects)));
    case 'reload-units':
      return plain(text.reloadUnits);
    case 'close-firewall': {
      const { tool, openings } = stepsOf(group, 'close-firewall')[0]!;
      return plain(text.closeFirewall(tool, openingsText(openings)));
    }
    case 'remove-user':
      return plain(text.removeUser(stepsOf(group, 'remove-user')[0]!.name));
  }
}

/** What one step of a group changes, for those who want to see all of them. */
export function memberTexts(group: StepGroup, { plan: text }: Messages): string[] {
  return group.members.flatMap((member) => {
    const { step, finding } = member;
    if (step.kind === 'firewall' || step.kind === 'close-firewall') return finding.details ?? [];
    if (step.kind === 'link') return [`${step.path} → ${step.target}`];
    if (!('path' in step)) return group.members.length > 1 && 'unit' in step ? [step.unit] : [];
    const detail = ['file', 'edit', 'restore'].includes(step.kind) ? changeDetail([member], text) : '';
    return [detail === '' ? step.path : `${step.path}   ${detail}`];
  });
}
