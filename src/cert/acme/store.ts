/** What is kept between orders: the account's key, the accounts by authority, and what is remembered of failures. */
import { join } from 'node:path';
import { readTextIfPresent, writeFileAtomic } from '../../system/files.ts';
import { formatMemory, freshMemory, type OrderMemory, parseMemory } from './attempts.ts';

const SECRET = 0o600;

/** The files' names in the directory. */
const KEY = 'account.key';
const ACCOUNTS = 'accounts.json';
const MEMORY = 'orders.json';

/** An account at an authority. */
export interface KnownAccount {
  url: string;
  email?: string;
}

/** Keeps them in one directory. */
export interface AcmeStore {
  /** The key, or undefined where there is none yet. */
  readKey(): Promise<string | undefined>;
  writeKey(pem: string): Promise<void>;
  /** The account at an authority; undefined where there is none, or the file is damaged. */
  readAccount(directoryUrl: string): Promise<KnownAccount | undefined>;
  /** Undefined forgets it. */
  writeAccount(directoryUrl: string, account: KnownAccount | undefined): Promise<void>;
  /** What is remembered of a host's orders at an authority. */
  readMemory(host: string, directoryUrl: string): Promise<OrderMemory>;
  writeMemory(memory: OrderMemory): Promise<void>;
}

function parseAccounts(text: string | undefined): Record<string, KnownAccount> {
  try {
    const json = JSON.parse(text ?? '{}') as Record<string, KnownAccount | null>;
    const known = Object.entries(json).filter(([, account]) => typeof account?.url === 'string');
    return Object.fromEntries(known) as Record<string, KnownAccount>;
  } catch {
    return {};
  }
}

/** Opens the store in a directory that is there. Its functions throw FileError. */
export function openStore(directory: string): AcmeStore {
  const path = (name: string) => join(directory, name);
  const accounts = async () => parseAccounts(await readTextIfPresent(path(ACCOUNTS)));
  return {
    readKey: () => readTextIfPresent(path(KEY)),
    writeKey: (pem) => writeFileAtomic(path(KEY), pem, { mode: SECRET }),
    readAccount: async (directoryUrl) => (await accounts())[directoryUrl],
    writeAccount: async (directoryUrl, account) => {
      const { [directoryUrl]: _, ...others } = await accounts();
      const all = account === undefined ? others : { ...others, [directoryUrl]: account };
      await writeFileAtomic(path(ACCOUNTS), `${JSON.stringify(all, null, 2)}\n`, { mode: SECRET });
    },
    readMemory: async (host, directoryUrl) => {
      const text = await readTextIfPresent(path(MEMORY));
      return (
        (text === undefined ? undefined : parseMemory(text, host, directoryUrl)) ?? freshMemory(host, directoryUrl)
      );
    },
    writeMemory: (memory) => writeFileAtomic(path(MEMORY), formatMemory(memory), { mode: SECRET }),
  };
}

/** A store for a rehearsal, of which nothing stays. */
export function emptyStore(): AcmeStore {
  let key: string | undefined;
  let account: KnownAccount | undefined;
  return {
    readKey: async () => key,
    writeKey: async (pem) => {
      key = pem;
    },
    readAccount: async () => account,
    writeAccount: async (_, found) => {
      account = found;
    },
    readMemory: async (host, directoryUrl) => freshMemory(host, directoryUrl),
    writeMemory: async () => {},
  };
}
