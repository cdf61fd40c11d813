/** Judges the recording that is named, and says what that took. */
import { judgeFolder } from '../../harness/cli/audit.ts';

const began = performance.now();
await judgeFolder(process.argv[2]!, { report: false });
const seconds = (performance.now() - began) / 1000;
// Linux gives kilobytes.
console.log(JSON.stringify({ seconds, memory: process.resourceUsage().maxRSS / 1024 }));
