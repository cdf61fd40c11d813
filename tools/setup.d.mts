/** What was found of one requirement. */
export interface Finding {
  /** `node`, `npm packages`, `chromium`, `ffmpeg`, or what a file of `tools/services` installs. */
  name: string;
  ok: boolean;
  path?: string;
  /** Where it comes from: a variable, `Playwright`, `ffmpeg-static`, `system`, a version. */
  from?: string;
  /** What is wrong, in a line, if it isn't `ok`. */
  problem?: string;
}

/** Looks for everything that keywitness needs, without changing anything. */
export function survey(): Finding[];
export function findNode(): Finding;
/** Whether `node_modules` below `root` is what `package-lock.json` says. */
export function findPackages(root?: string): Finding;
/** Chromium: `KEYWITNESS_CHROMIUM`, else Playwright's own download, else the system's Chromium or Chrome. */
export function findChromium(): Finding;
/** ffmpeg: `FFMPEG_BIN`, else ffmpeg-static's if it runs, else the system's. */
export function findFfmpeg(): Finding;
