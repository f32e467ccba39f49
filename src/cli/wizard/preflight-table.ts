/** What was found out about the machine before the first question, in a few lines. */
import type { ChalkInstance } from 'chalk';
import type { LocalAddress } from '../../system/network.ts';
import { formatBytes, joinParts } from '../lines/columns.ts';
import { displayWidth, harmless, padTo } from '../lines/text.ts';
import type { Messages } from '../messages/en.ts';
import type { PortFact, PreflightFacts } from './preflight-facts.ts';

/** More addresses than these help nobody to choose one. */
const MOST_ADDRESSES = 4;

/** Something found, in parts that a line may be broken between. */
interface Cell {
  label: string;
  parts: string[];
  /** Worth a second look. */
  doubtful?: boolean;
}

type Table = Messages['wizard']['table'];

/** Those that clients could reach the relay by; where there are none, those that a network of one's own has. */
function shownAddresses(addresses: readonly LocalAddress[], text: Table): string[] {
  const global = addresses.filter(({ scope }) => scope === 'global');
  const shown = global.length > 0 ? global : addresses.filter(({ scope }) => scope === 'private');
  const list = shown.slice(0, MOST_ADDRESSES).map(({ address }) => address);
  if (list.length === 0) return [text.noAddress];
  return shown.length > list.length ? [...list, text.more(shown.length - list.length)] : list;
}

function machineParts({ machine, runtime }: PreflightFacts, text: Table): string[] {
  const { osName, architecture, systemd, memoryBytes, container, isRoot } = machine;
  return [
    osName,
    architecture === 'x64' ? 'x86_64' : architecture,
    systemd === undefined ? text.noSystemd : `systemd ${systemd.version || '?'}`,
    formatBytes(memoryBytes),
    text.node(runtime.version, runtime.reachable),
    ...(container === undefined ? [] : [text.container(container)]),
    ...(isRoot ? [] : [text.notRoot]),
  ];
}

function portCell({ protocol, port, free, owner }: PortFact, text: Table): Cell {
  const label = text.port(port, protocol);
  return { label, parts: [free ? text.free : text.taken(owner)], doubtful: !free };
}

function tailscaledParts({ tailscaled }: PreflightFacts, text: Table): string[] {
  if (tailscaled === undefined) return [text.notRunning];
  const { version, state, tags = [], name } = tailscaled;
  const who = tags.length > 0 ? tags.join(', ') : name;
  return [...(version === undefined ? [] : [version]), state === undefined ? text.silent : text.states[state](who)];
}

function dockerParts({ docker }: PreflightFacts, text: Table): string[] {
  if (docker === undefined) return [text.notInstalled];
  const { version, usable, denied } = docker;
  const version_ = version === '' ? [] : [version];
  if (usable) return version_.length > 0 ? version_ : [text.usable];
  return [...version_, denied ? text.denied : text.notAnswering];
}

function firewallCell({ firewall, machine }: PreflightFacts, text: Table): Cell {
  if (firewall !== undefined) return { label: text.firewall, parts: [text.active(firewall.tool)] };
  return { label: text.firewall, parts: [machine.isRoot ? text.none : text.onlyRootSees] };
}

/** The cells, those of one row beside each other where they fit. */
function rowsOf(facts: PreflightFacts, text: Table): Cell[][] {
  const { derper } = facts;
  return [
    [{ label: text.machine, parts: machineParts(facts, text) }],
    [{ label: text.addresses, parts: shownAddresses(facts.addresses, text) }],
    facts.ports.map((port) => portCell(port, text)),
    [
      { label: 'tailscaled', parts: tailscaledParts(facts, text) },
      { label: 'Docker', parts: dockerParts(facts, text) },
    ],
    [firewallCell(facts, text)],
    ...(derper === undefined ? [] : [[{ label: 'derper', parts: [text.found(derper)], doubtful: true }]]),
  ];
}

const SEPARATOR = ' · ';
const INDENT = '  ';
const GAP = 3;

/** The lines of the table, for a terminal of `width` columns. */
export function preflightLines(
  facts: PreflightFacts,
  messages: Messages,
  paint: ChalkInstance,
  width: number,
): string[] {
  const rows = rowsOf(facts, messages.wizard.table).map((row) =>
    row.map((cell) => ({ ...cell, parts: cell.parts.map(harmless) })),
  );
  const labelWidth = Math.max(...rows.flat().map(({ label }) => displayWidth(label)));
  const head = ({ label }: Cell, width = labelWidth) => paint.dim(`${INDENT}${padTo(label, width)}  `);
  const colour = ({ doubtful }: Cell) => (doubtful ? paint.yellow : (text: string) => text);
  return rows.flatMap((row) => {
    // Only the labels of the first cells stand below each other.
    const labels = row.map(({ label }, at) => (at === 0 ? labelWidth : displayWidth(label)));
    const texts = row.map(({ parts }) => parts.join(SEPARATOR));
    const widths = texts.map((text, at) => INDENT.length + labels[at]! + 2 + displayWidth(text));
    if (row.length > 1 && widths.reduce((sum, cell) => sum + cell + GAP, 0) - GAP <= width) {
      return [row.map((cell, at) => head(cell, labels[at]) + colour(cell)(texts[at]!)).join(' '.repeat(GAP))];
    }
    return row.flatMap((cell) => {
      const [first = '', ...rest] = joinParts(cell.parts, SEPARATOR, width - labelWidth - INDENT.length - 2);
      const indent = ' '.repeat(labelWidth + INDENT.length + 2);
      return [head(cell) + colour(cell)(first), ...rest.map((line) => indent + colour(cell)(line))];
    });
  });
}

/** The first line: who speaks, and how to have it speak another language. */
export function titleLine(version: string, { wizard }: Messages, paint: ChalkInstance, width: number): string {
  const name = `derp-setup ${version}`;
  const gap = Math.max(3, width - name.length - displayWidth(wizard.otherLanguage) - 2);
  return paint.bold(name) + ' '.repeat(gap) + paint.dim(wizard.otherLanguage);
}
