/** What is offered where a relay is installed already. */
import { formatBytes, joinParts } from '../columns.ts';
import type { Messages } from '../messages/en.ts';
import { BACK, type Prompter } from './prompting.ts';

export const MENU_CHOICES = ['status', 'change', 'renew', 'paste', 'upgrade', 'check', 'remove', 'quit'] as const;
export type MenuChoice = (typeof MENU_CHOICES)[number];

const INDENT = '  ';

/** What the line above the menu says, as far as it is known. */
export interface MenuHeader {
  /** The installed version. */
  version?: string | undefined;
  upSeconds?: number | undefined;
  clients?: number | undefined;
  /** Since the relay was started. */
  relayedBytes?: number | undefined;
  certificateUntil?: Date | undefined;
  /** Serves as it should. */
  ok: boolean;
}

/** The line above the menu, or lines where it is too long for the terminal. */
export function menuHeaderLines(header: MenuHeader, { wizard }: Messages, width: number): string[] {
  const { version, upSeconds, clients, relayedBytes, certificateUntil, ok } = header;
  const { menu } = wizard;
  const parts = [
    `derp-relay${version === undefined ? '' : ` ${version}`}`,
    ...(ok && upSeconds !== undefined ? [menu.up(upSeconds)] : []),
    ...(ok ? [] : [menu.notWell]),
    ...(clients === undefined ? [] : [menu.clients(clients)]),
    ...(relayedBytes === undefined ? [] : [menu.relayed(formatBytes(relayedBytes))]),
    ...(certificateUntil === undefined ? [] : [menu.certificate(certificateUntil.toISOString().slice(0, 10))]),
  ];
  return joinParts(parts, ' · ', width - INDENT.length).map((line) => INDENT + line);
}

/** Asks what to do; Escape leaves. `ownVersion` is offered as an upgrade where another one is installed. */
export async function chooseFromMenu(
  { header, ownVersion }: { header: MenuHeader; ownVersion: string },
  { prompter, messages }: { prompter: Prompter; messages: Messages },
): Promise<MenuChoice> {
  const { menu } = messages.wizard;
  const upgrades = header.version !== undefined && header.version !== ownVersion;
  const options = MENU_CHOICES.filter((choice) => choice !== 'upgrade' || upgrades).map((choice) => ({
    value: choice,
    name: choice === 'upgrade' ? menu.upgrade(ownVersion) : menu.names[choice],
    note: menu.notes[choice],
  }));
  const preselected: MenuChoice = header.ok ? 'status' : 'check';
  const choice = await prompter.select({ message: menu.ask, options, preselected });
  return choice === BACK ? 'quit' : choice;
}
