/** What is remembered of an nginx whose port is shared, so that exactly that can be taken back. */

import { parseDirectives } from './directives.ts';
import type { Door } from './doors.ts';
import { changeText, type Replacement, type TextChange, takeOut } from './file-edits.ts';
import { placeOf, readListen } from './listen.ts';
import { SITES_FILE, STREAM_FILE } from './placement.ts';
import type { SiteCheck } from './sites.ts';

/** A file of somebody else's that was edited. */
export interface EditedFile {
  path: string;
  /** A copy of the file as it was, without our changes. */
  backup: string;
  /** Digests of the text without and with our changes. */
  originalSha256: string;
  editedSha256: string;
  replaced: readonly Replacement[];
}

/** The whole of it. */
export interface NginxRecord {
  /** The port that is shared, and the one that the sites have on their loopback addresses. */
  port: number;
  sitesPort: number;
  doors: readonly Pick<Door, 'address' | 'inner'>[];
  edited: readonly EditedFile[];
  /** What the sites were asked last. */
  sites: readonly SiteCheck[];
  /** What was so before that: a run that is killed leaves files as they were before it. */
  earlier?: NginxRecord;
}

/** A record, and the one that is left behind if the run that writes it is killed. */
export function recordAfter(old: NginxRecord | undefined, { earlier: _, ...now }: NginxRecord): NginxRecord {
  if (old === undefined) return now;
  const { earlier, ...last } = old;
  const isSame = JSON.stringify(last) === JSON.stringify(now);
  const before = isSame ? earlier : last;
  return { ...now, ...(before && { earlier: before }) };
}

/** The directives of a text at any depth; none of a text that is not understood. */
function directivesIn(text: string) {
  const all = (directives: ReturnType<typeof parseDirectives>): ReturnType<typeof parseDirectives> =>
    directives.flatMap((directive) => [directive, ...all([...(directive.block ?? [])])]);
  try {
    return all(parseDirectives(text, ''));
  } catch {
    return [];
  }
}

/**
 * What is left of our changes by their meaning, where they are not spelt as they were written: sites that listen on a
 * door's inner address listen on the public one again, and our files are not included any more.
 */
function takeOutByMeaning(text: string, { port, sitesPort, doors }: SharedPlaces): string {
  const changes = directivesIn(text).flatMap((directive): TextChange[] => {
    const { name, args, start, end } = directive;
    if (name === 'include' && [SITES_FILE, STREAM_FILE].some((file) => args[0]?.endsWith(`/${file}`))) {
      return [{ start, end, text: '' }];
    }
    const listen = name === 'listen' ? readListen(directive) : undefined;
    const door = doors.find(({ inner }) => inner === listen?.address);
    if (listen === undefined || door === undefined || listen.ports[0] !== sitesPort) return [];
    const options = listen.options.filter((word) => word !== 'proxy_protocol');
    return [{ start, end, text: `${['listen', placeOf(door.address, port), ...options].join(' ')};` }];
  });
  return changeText(text, changes);
}

/** What must be known to take changes out of a file. */
export type SharedPlaces = Pick<NginxRecord, 'port' | 'sitesPort' | 'doors'>;

/**
 * The text of a file without our changes, whatever else was changed in it since: first what is there as it was written,
 * then what is left by its meaning.
 */
export function withoutRecorded(path: string, text: string, record: NginxRecord | undefined): string {
  const records = record === undefined ? [] : [record, ...(record.earlier ? [record.earlier] : [])];
  const replaced = records.map(({ edited }) => edited.find((file) => file.path === path)?.replaced ?? []);
  const byWords = replaced.reduce(takeOut, text);
  return records.reduce(takeOutByMeaning, byWords);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const areTexts = (value: unknown, ...keys: readonly string[]) =>
  isObject(value) && keys.every((key) => typeof value[key] === 'string');

function isEditedFile(value: unknown): value is EditedFile {
  if (!areTexts(value, 'path', 'backup', 'originalSha256', 'editedSha256')) return false;
  const { replaced } = value as Partial<EditedFile>;
  return Array.isArray(replaced) && replaced.every((each) => areTexts(each, 'written', 'original'));
}

/** Whether a value read from a file has the form of a record. */
export function isNginxRecord(value: unknown): value is NginxRecord {
  if (!isObject(value)) return false;
  const { port, sitesPort, doors, edited, sites, earlier } = value;
  return (
    [port, sitesPort].every(Number.isInteger) &&
    Array.isArray(doors) &&
    doors.every((door) => areTexts(door, 'address', 'inner')) &&
    Array.isArray(edited) &&
    edited.every(isEditedFile) &&
    (earlier === undefined || isNginxRecord(earlier)) &&
    Array.isArray(sites) &&
    sites.every((site) => areTexts(site, 'address') && Number.isInteger((site as { port?: unknown }).port))
  );
}
