// Stays on the overview and notes when the frame with a unit's new state was drawn, until its input ends; then prints JSON.
// node pixel.mjs URL COOKIE UNITS
import { chromium } from "playwright-core";

const [url, cookie, units] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.DEV_CHROMIUM ?? "chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const [name, value] = cookie.split("=", 2);
await context.addCookies([{ name, value, url }]);
const page = await context.newPage();
await page.goto(url, { timeout: 60_000 });
await page.locator("[data-live=live]").waitFor({ timeout: 60_000 });
await page.waitForFunction((count) => document.querySelectorAll("a.tile").length === count, Number(units));
await page.evaluate(() => {
  const seen = { changes: {}, longest_task_ms: 0 };
  Object.assign(window, { seen });
  let waiting = [];
  // The message is handled after the frame that was asked for has been drawn.
  const drawn = new MessageChannel();
  drawn.port1.onmessage = () => {
    const at = (performance.timeOrigin + performance.now()) * 1000;
    for (const [path, state] of waiting) (seen.changes[path] ??= []).push([at, state]);
    waiting = [];
  };
  new MutationObserver((changes) => {
    if (waiting.length === 0) requestAnimationFrame(() => drawn.port2.postMessage(null));
    for (const { target } of changes.filter(({ target }) => target.matches("a.tile"))) waiting.push([target.getAttribute("href").slice("/units/".length), target.dataset.state]);
  }).observe(document.querySelector("main"), { subtree: true, attributeFilter: ["data-state"], attributes: true });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longest_task_ms = Math.max(seen.longest_task_ms, duration);
  }).observe({ type: "longtask" });
});
console.log("ready");
process.stdin.resume();
await new Promise((done) => process.stdin.once("end", done));
console.log(JSON.stringify(await page.evaluate(() => window.seen)));
await browser.close();
