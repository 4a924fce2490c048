// Visits the overview with an empty cache, some times; prints the medians as JSON.
// node page.mjs URL ONE-TIME-PASSWORD VISITS
import { chromium } from "playwright-core";

const [url, oneTime, visits] = process.argv.slice(2);
const password = "loom gauge harbour 42";
const browser = await chromium.launch({
  executablePath: process.env.DEV_CHROMIUM ?? "chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function signIn() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(oneTime);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Current password").fill(oneTime);
  await page.getByLabel("New password", { exact: true }).fill(password);
  await page.getByLabel("New password again").fill(password);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.waitForURL(`${url}/`);
  const state = await context.storageState();
  await context.close();
  return state;
}

function kindOf(type, mime, address) {
  if (type === "Document") return "document";
  if (type === "Stylesheet") return "css";
  if (type === "Font" || /\.woff2$/.test(address)) return "font";
  if (mime === "application/wasm" || /\.wasm$/.test(address)) return "wasm";
  if (type === "Script") return "js";
  return "other";
}

async function visit(storageState) {
  const context = await browser.newContext({ storageState, viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const seen = { fcp: 0, lcp: 0, shift: 0, long: [] };
    Object.assign(window, { seen });
    const observe = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
    observe("paint", (entry) => entry.name === "first-contentful-paint" && (seen.fcp = entry.startTime));
    observe("largest-contentful-paint", (entry) => (seen.lcp = entry.startTime));
    observe("layout-shift", (entry) => !entry.hadRecentInput && (seen.shift += entry.value));
    observe("longtask", (entry) => seen.long.push([entry.startTime, entry.duration]));
  });
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  const requests = new Map();
  const bytes = {};
  network.on("Network.responseReceived", ({ requestId, type, response }) => {
    requests.set(requestId, kindOf(type, response.mimeType, response.url));
  });
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const kind = requests.get(requestId);
    if (kind) bytes[kind] = (bytes[kind] ?? 0) + encodedDataLength;
  });
  const begun = performance.now();
  await page.goto(url);
  await page.locator("[data-live=live]").waitFor();
  const live = performance.now() - begun;
  // What shifts or blocks after the first seconds counts too.
  await page.waitForTimeout(3000);
  const { fcp, lcp, shift, long } = await page.evaluate(() => window.seen);
  await context.close();
  const blocking = long.filter(([start]) => start >= fcp).reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0);
  return { bytes, fcp, lcp, shift, blocking, live };
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const state = await signIn();
const all = [];
for (let n = 0; n < Number(visits); n += 1) all.push(await visit(state));
await browser.close();

const kinds = [...new Set(all.flatMap(({ bytes }) => Object.keys(bytes)))];
console.log(
  JSON.stringify({
    bytes: Object.fromEntries(kinds.map((kind) => [kind, median(all.map(({ bytes }) => bytes[kind] ?? 0))])),
    first_contentful_paint_ms: median(all.map(({ fcp }) => fcp)),
    largest_contentful_paint_ms: median(all.map(({ lcp }) => lcp)),
    total_blocking_time_ms: median(all.map(({ blocking }) => blocking)),
    cumulative_layout_shift: median(all.map(({ shift }) => shift)),
    live_after_ms: median(all.map(({ live }) => live)),
  }),
);
