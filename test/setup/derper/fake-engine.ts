/**
 * Stands in for `docker` and its kin, which the fast tests cannot have: a script on PATH that answers `inspect` and `cp`
 * from files and writes down what it is asked. The real one is for the suite against real programs.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach } from 'vitest';
import { temporaryDirectory } from '../../temporary.ts';

const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});

const script = (folder: string) => `#!/bin/sh
folder='${folder}'
echo "$*" >>"$folder/calls"
case "$1" in
  inspect) cat "$folder/inspect.json" ;;
  cp)
    for last; do :; done
    shift; [ "$1" = --follow-link ] && shift
    cp "$folder/files/\${1#*:}" "$last" ;;
  *) [ ! -e "$folder/refuses-$1" ] || { echo "Error: unknown flag: --restart" >&2; exit 125; } ;;
esac
`;

/** The program on PATH. */
export interface FakeEngine {
  /** What it was asked that changes something, in order. */
  changes(): string[];
  /** What it says of the container from now on; before, it does not know it. */
  answer(inspection: string): void;
  /** A file in the container. */
  put(path: string, text: string): void;
  /** It fails at this command from now on. */
  refuse(command: string): void;
}

/** Puts a script by this name on PATH for one test. */
export function fakeEngine(program: string): FakeEngine {
  const folder = temporaryDirectory();
  const file = join(folder, program);
  writeFileSync(file, script(folder));
  chmodSync(file, 0o755);
  process.env.PATH = `${folder}${delimiter}${path}`;
  const calls = join(folder, 'calls');
  return {
    changes() {
      const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
      return lines.filter((line) => !/^(inspect|cp|ps) /.test(line));
    },
    answer(inspection) {
      // Without the file, `cat` fails as the engine does.
      writeFileSync(join(folder, 'inspect.json'), inspection);
    },
    put(name, text) {
      const place = join(folder, 'files', name);
      mkdirSync(join(place, '..'), { recursive: true });
      writeFileSync(place, text);
    },
    refuse(command) {
      writeFileSync(join(folder, `refuses-${command}`), '');
    },
  };
}
