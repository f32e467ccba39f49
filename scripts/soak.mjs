// A relay under attack for some minutes:  npm run soak [-- --minutes 5 --svg soak.svg --json soak.json]; see -- --help.
import { runBundled } from './bundled.mjs';
import { must } from './real-programs.mjs';

must(process.execPath, ['scripts/prepare.mjs']);
process.exitCode = await runBundled('test/soak/main.ts', process.argv.slice(2));
