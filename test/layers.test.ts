import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The layers from the top down: imports point downwards only. Two in one row do not know each other. */
const LAYERS = [
  ['cli'],
  ['setup'],
  ['deploy'],
  ['cert', 'derp-map'],
  ['probe'],
  ['client'],
  ['relay'],
  ['protocol'],
  ['system'],
];

/** Layers that compute only; whatever they need of the machine is handed to them. */
const PURE = ['deploy', 'derp-map', 'protocol'];

/** Modules of Node's that touch the machine. */
const MACHINE =
  /^node:(fs|fs\/promises|child_process|dgram|dns|dns\/promises|http|https|tls|cluster|worker_threads|os)$/;
/** What of them only `system` may use; the relay and the clients need sockets of their own. */
const FILES_AND_PROCESSES = /^node:(fs|fs\/promises|child_process)$/;

/** A file of the sources and what it imports. */
interface Module {
  path: string;
  imports: { target: string; typeOnly: boolean }[];
}

const STATIC = /^(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;

/** The imports of a source text; relative ones become paths below src. */
function parseModule(path: string, text: string): Module {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  const found = [...code.matchAll(STATIC)].map(([, type, target]) => ({ target: target!, typeOnly: !!type }));
  const lazy = [...code.matchAll(DYNAMIC)].map(([, target]) => ({ target: target!, typeOnly: false }));
  const imports = [...found, ...lazy].map(({ target, typeOnly }) => ({
    target: target.startsWith('.') ? join(dirname(path), target) : target,
    typeOnly,
  }));
  return { path, imports };
}

const layerOf = (path: string) => path.split('/')[0]!;
const rankOf = (path: string) => LAYERS.findIndex((row) => row.includes(layerOf(path)));
const isOurs = (target: string) => target.endsWith('.ts');

/** Everything that breaks the rules, one line each. */
function violations(modules: readonly Module[]): string[] {
  return modules.flatMap(({ path, imports }) => {
    const layer = layerOf(path);
    if (rankOf(path) < 0) return [`${path} is in no layer`];
    return imports.flatMap(({ target, typeOnly }) => {
      const line = `${path} imports ${target}`;
      if (!isOurs(target)) {
        const filesOutside = layer !== 'system' && FILES_AND_PROCESSES.test(target);
        const impure = PURE.includes(layer) && MACHINE.test(target);
        return !typeOnly && (filesOutside || impure) ? [line] : [];
      }
      if (layerOf(target) === layer) return [];
      const downwards = rankOf(target) > rankOf(path);
      const pure = !(layer === 'protocol' && layerOf(target) === 'system');
      return downwards && pure ? [] : [line];
    });
  });
}

/** The first circle of imports that exist at run time, as a list of paths. */
function findCycle(modules: readonly Module[]): string[] | undefined {
  const targets = new Map(
    modules.map(({ path, imports }) => [
      path,
      imports.filter(({ target, typeOnly }) => isOurs(target) && !typeOnly).map(({ target }) => target),
    ]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const target of targets.get(path) ?? []) {
      const cycle = visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of targets.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/** All modules that are loaded, now or later, when `entry` is. */
function closure(
  modules: readonly Module[],
  entry: string,
  without: readonly string[] = [],
): { ours: Set<string>; packages: Set<string> } {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const ours = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string) => {
    if (ours.has(path)) return;
    ours.add(path);
    for (const { target, typeOnly } of byPath.get(path)?.imports ?? []) {
      if (typeOnly || without.includes(target)) continue;
      if (isOurs(target)) visit(target);
      else if (!target.startsWith('node:')) packages.add(/^(@[^/]+\/)?[^/]+/.exec(target)![0]);
    }
  };
  visit(entry);
  return { ours, packages };
}

const src = fileURLToPath(new URL('../src', import.meta.url));
const sources = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => parseModule(relative(src, file), readFileSync(file, 'utf8')));

describe('the layers of src', () => {
  it('are all there, and every import of theirs is seen', () => {
    expect(new Set(sources.map(({ path }) => layerOf(path)))).toEqual(new Set(LAYERS.flat()));
    const known = new Set(sources.map(({ path }) => path));
    const targets = sources.flatMap(({ imports }) => imports.map(({ target }) => target).filter(isOurs));
    expect(targets.filter((target) => !known.has(target))).toEqual([]);
    expect(targets.length).toBeGreaterThan(sources.length);
  });

  it('import downwards only, and touch the machine only where they may', () => {
    expect(violations(sources)).toEqual([]);
  });

  it('have no circles', () => {
    expect(findCycle(sources)).toBeUndefined();
  });
});

describe('derp-relay', () => {
  it('carries nothing that only the wizard needs', () => {
    // Ordering certificates is a part of its own, which only those read who have one ordered.
    const { ours, packages } = closure(sources, 'cli/derp-relay.ts', ['cli/relay/ordered-certificate.ts']);
    expect([...ours].filter((path) => ['probe', 'client'].includes(layerOf(path)))).toEqual([]);
    expect([...packages].filter((name) => ['chalk', 'commander', 'execa', 'inquirer', 'ora'].includes(name))).toEqual(
      [],
    );
    expect(ours).toContain('relay/relay.ts');
  });
});

describe('the rules themselves', () => {
  it.each([
    ['an import upwards', 'relay/a.ts', "import { x } from '../cli/b.ts';", 'relay/a.ts imports cli/b.ts'],
    ['one of a type only', 'relay/a.ts', "import type { X } from '../setup/b.ts';", 'relay/a.ts imports setup/b.ts'],
    ['one between neighbours', 'cert/a.ts', "import { x } from '../derp-map/b.ts';", 'cert/a.ts imports derp-map/b.ts'],
    [
      'one in several lines',
      'client/a.ts',
      "import {\n  x,\n  y,\n} from '../probe/b.ts';",
      'client/a.ts imports probe/b.ts',
    ],
    ['one that is passed on', 'client/a.ts', "export * from '../probe/b.ts';", 'client/a.ts imports probe/b.ts'],
    ['one that comes later', 'setup/a.ts', "const b = await import('../cli/b.ts');", 'setup/a.ts imports cli/b.ts'],
    ['one for its effects', 'setup/a.ts', "import '../cli/b.ts';", 'setup/a.ts imports cli/b.ts'],
    [
      'the machine in protocol',
      'protocol/a.ts',
      "import { x } from '../system/b.ts';",
      'protocol/a.ts imports system/b.ts',
    ],
    ['files outside system', 'cli/a.ts', "import { readFileSync } from 'node:fs';", 'cli/a.ts imports node:fs'],
    ['sockets in a pure layer', 'deploy/a.ts', "import tls from 'node:tls';", 'deploy/a.ts imports node:tls'],
    ['an unknown layer', 'utils/a.ts', '', 'utils/a.ts is in no layer'],
  ])('find %s', (_, path, text, expected) => {
    expect(violations([parseModule(path, text)])).toEqual([expected]);
  });

  it('have nothing against what is right', () => {
    const text =
      "/** import { x } from '../cli/b.ts'; */\nimport { y } from '../system/b.ts';\nimport { isIP } from 'node:net';";
    expect(violations([parseModule('setup/a.ts', text)])).toEqual([]);
  });

  it('find circles, but not those of types', () => {
    const a = parseModule('setup/a.ts', "import { b } from './b.ts';");
    const b = parseModule('setup/b.ts', "import { c } from './c.ts';");
    expect(findCycle([a, b, parseModule('setup/c.ts', "import { a } from './a.ts';")])).toEqual([
      'setup/a.ts',
      'setup/b.ts',
      'setup/c.ts',
      'setup/a.ts',
    ]);
    expect(findCycle([a, b, parseModule('setup/c.ts', "import type { A } from './a.ts';")])).toBeUndefined();
  });
});
