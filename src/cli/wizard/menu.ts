/** What is offered where a relay is installed already. */
import type { ChalkInstance } from 'chalk';
import type { Shortcoming, Status } from '../../setup/status/status.ts';
import { compareVersions } from '../../setup/versions.ts';
import { joinParts } from '../lines/columns.ts';
import { formatBytes, formatDay } from '../lines/figures.ts';
import { harmless } from '../lines/text.ts';
import type { Messages } from '../messages/en.ts';
import { BACK, type Prompter } from './prompter.ts';

export const MENU_CHOICES = ['status', 'change', 'renew', 'paste', 'upgrade', 'check', 'remove', 'quit'] as const;
export type MenuChoice = (typeof MENU_CHOICES)[number];

/** What only root may do; the rest changes nothing. */
const ROOT_ONLY: readonly MenuChoice[] = ['change', 'renew', 'upgrade', 'remove'];

const INDENT = '  ';

/** What the menu says and offers, as far as it is known. */
export interface MenuHeader {
  /** The installed version. */
  version?: string | undefined;
  upSeconds?: number | undefined;
  clients?: number | undefined;
  /** Since the relay was started. */
  relayedBytes?: number | undefined;
  certificateUntil?: Date | undefined;
  /** What keeps it from serving as it should; empty when nothing does. */
  shortcomings: readonly Shortcoming[];
}

/** What of a relay's status is worth a line above the menu. */
export function menuHeader({ versions, relay, certificate, shortcomings }: Status): MenuHeader {
  return {
    version: versions.installed,
    upSeconds: relay?.uptimeSeconds,
    clients: relay?.clients,
    relayedBytes: relay?.bytesReceived,
    certificateUntil: certificate?.notAfter,
    shortcomings,
  };
}

/** The line above the menu, or lines where it is too long for the terminal. */
export function menuHeaderLines(header: MenuHeader, messages: Messages, paint: ChalkInstance, width: number): string[] {
  const { version, upSeconds, clients, relayedBytes, certificateUntil, shortcomings } = header;
  const { menu } = messages.wizard;
  const known = <T>(value: T | undefined, text: (value: T) => string) => (value === undefined ? [] : [text(value)]);
  const parts = [
    `derp-relay${version === undefined ? '' : ` ${harmless(version)}`}`,
    ...known(upSeconds, (seconds) => menu.up(messages.status.duration(seconds))),
    ...known(clients, menu.clients),
    ...known(relayedBytes, (bytes) => menu.relayed(formatBytes(bytes))),
    ...known(certificateUntil, (until) => menu.certificate(formatDay(until))),
  ];
  const wrong = shortcomings.map((code) => `${INDENT}${paint.yellow('!')} ${messages.status.shortcomings[code].text}`);
  return [...joinParts(parts, ' · ', width - INDENT.length).map((line) => INDENT + line), ...wrong];
}

/** Who asks, and with which program. */
export interface MenuSituation {
  header: MenuHeader;
  /** Offered as an upgrade where an older one is installed. */
  ownVersion: string;
  isRoot: boolean;
}

/** Asks what to do; Escape leaves. Throws WizardInterrupted. */
export async function chooseFromMenu(
  { header, ownVersion, isRoot }: MenuSituation,
  { prompter, messages }: { prompter: Prompter; messages: Messages },
): Promise<MenuChoice> {
  const { menu } = messages.wizard;
  const { version, shortcomings } = header;
  const upgrades = version !== undefined && compareVersions(version, ownVersion) < 0;
  const options = MENU_CHOICES.filter((choice) => choice !== 'upgrade' || upgrades).map((choice) => ({
    value: choice,
    name: choice === 'upgrade' ? menu.upgrade(ownVersion) : menu.names[choice],
    note: menu.notes[choice],
    disabled: ROOT_ONLY.includes(choice) && !isRoot ? menu.needsRoot : undefined,
  }));
  const preselected: MenuChoice = shortcomings.length === 0 ? 'status' : 'check';
  const choice = await prompter.select({ message: menu.ask, options, preselected });
  return choice === BACK ? 'quit' : choice;
}
