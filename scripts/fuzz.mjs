// Changed inputs at everything that reads bytes of strangers:  npm run fuzz [-- --runs 10000000]; see -- --help.
import { runBundled } from './bundled.mjs';
import { must } from './real-programs.mjs';

must(process.execPath, ['scripts/prepare.mjs']);
process.exitCode = await runBundled('test/fuzz/main.ts', process.argv.slice(2));
