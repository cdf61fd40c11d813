/** What was found of one requirement. */
export interface Finding {
  /** `node`, `npm packages`, `chromium`, `ffmpeg`, `janus`. */
  name: string;
  ok: boolean;
  path?: string;
  /** Where it comes from: a variable, `Playwright`, `ffmpeg-static`, `system`. */
  from?: string;
  /** What is wrong, in a line, if it isn't `ok`. */
  problem?: string;
}

/** Looks for everything that keywitness needs, and with `tests` for what its tests need, without changing anything. */
export function survey(options?: { tests?: boolean }): Finding[];
export function findNode(): Finding;
/** Whether `node_modules` below `root` is what `package-lock.json` says. */
export function findPackages(root?: string): Finding;
/** Chromium: `KEYWITNESS_CHROMIUM`, else Playwright's own download, else the system's Chromium or Chrome. */
export function findChromium(): Finding;
/** ffmpeg: `FFMPEG_BIN`, else ffmpeg-static's if it runs, else the system's. */
export function findFfmpeg(): Finding;
/** Debian's Janus and its demo pages. */
export function findJanus(): Finding;
