import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The system's Chromium: DEV_CHROMIUM, else the first of its usual names in PATH. */
export function chromium(): string {
  if (process.env.DEV_CHROMIUM) return process.env.DEV_CHROMIUM;
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      if (existsSync(join(directory, name))) return join(directory, name);
    }
  }
  throw new Error("There is no Chromium in PATH. Install it, or name it by DEV_CHROMIUM.");
}

/** No sandbox, because tests may run as root in a container; nothing that talks to anybody but the plant. */
export const chromiumFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
