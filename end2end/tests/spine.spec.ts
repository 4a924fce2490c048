import type { Page } from "@playwright/test";
import { expect, test, untilLive } from "../fixtures";

const tiles = (page: Page) => page.getByRole("main").locator("a.tile");

/** What the tiles say, without what counts the seconds by itself. */
const figures = (page: Page) =>
  tiles(page).evaluateAll((all) => all.map((tile) => `${tile.getAttribute("data-state")} ${tile.querySelector(".tile-count")?.textContent}`));

test("the overview shows the units, and they change without a reload", async ({ page }) => {
  await page.goto("/");
  await untilLive(page);
  await expect(tiles(page).first()).toBeVisible();
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  const before = await figures(page);
  await expect.poll(() => figures(page)).not.toEqual(before);
  expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
});

test("a tile leads to its unit, with signals and a plot", async ({ page }) => {
  await page.goto("/");
  await untilLive(page);
  const first = tiles(page).first();
  const name = await first.locator(".tile-name").innerText();
  await first.click();
  await expect(page).toHaveURL(/\/units\//);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(name);
  await expect(page.getByRole("main").getByRole("table").first()).toBeVisible();
  await expect(page.getByRole("main").locator("figure svg path, figure svg polyline").first()).toBeAttached();
  await untilLive(page);
  await page.goBack();
  await expect(tiles(page).first()).toBeVisible();
});

test("another signal and another stretch of time are plotted, and the address restores them", async ({ page }) => {
  await page.goto("/");
  await tiles(page).first().click();
  await expect(page).toHaveURL(/\/units\//);
  await untilLive(page);
  const plotted = page.waitForResponse(/\/samples\?/);
  await page.getByRole("link", { name: "Motor temperature" }).click();
  expect((await plotted).status()).toBe(200);
  await expect(page.getByRole("heading", { name: "Motor temperature" })).toBeVisible();
  const longer = page.waitForResponse(/\/samples\?/);
  await page.getByRole("link", { name: "8 h" }).click();
  expect((await longer).status()).toBe(200);
  await expect(page).toHaveURL(/signal=motor-temperature&range=8h/);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Motor temperature" })).toBeVisible();
  await expect(page.getByRole("link", { name: "8 h" })).toHaveAttribute("aria-current", "true");
});

test("a page asks for its data once: its script begins with what is shown", async ({ page }) => {
  await page.goto("/");
  const unit = await tiles(page).first().getAttribute("href");
  for (const path of ["/", unit ?? "", "/account/password"]) {
    const html = await (await page.request.get(path)).text();
    // Who is signed in, and the page's own.
    expect(html.match(/__RESOLVED_RESOURCES\[\d+\] = /g)?.length, path).toBeLessThanOrEqual(2);
  }
});

test("a unit that does not exist is answered with 404 and a way back", async ({ browser, plant, session }) => {
  const context = await browser.newContext({ storageState: session });
  const page = await context.newPage();
  const answer = await page.goto(`${plant.url}/units/no/such/area/line/unit`);
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole("link", { name: /overview/i }).first()).toBeVisible();
  await context.close();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the pages are complete", async ({ page }) => {
    await page.goto("/");
    await expect(tiles(page).first()).toBeVisible();
    await expect(page.locator("[data-live=still]")).toContainText("as of");
    await tiles(page).first().click();
    await expect(page).toHaveURL(/\/units\//);
    await expect(page.getByRole("main").getByRole("table").first()).toBeVisible();
    await expect(page.getByRole("main").locator("figure svg path, figure svg polyline").first()).toBeAttached();
  });
});

test.describe("when the server is killed", () => {
  // What a browser says of the requests that met no server.
  test.use({ expectedErrors: /WebSocket|ERR_CONNECTION_REFUSED|status of 503/ });

  test("the page keeps what it showed, says so, and goes on when the server is back", async ({ page, plant }) => {
    await page.goto("/");
    await untilLive(page);
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));
    const count = await tiles(page).count();

    await plant.killServer();
    await expect(page.locator("[data-live=reconnecting], [data-live=stale]")).toBeVisible();
    await expect(page.locator("[data-live=stale]")).toContainText("stale since");
    expect(await tiles(page).count()).toBe(count);

    await plant.startServer();
    await untilLive(page);
    const before = await figures(page);
    await expect.poll(() => figures(page)).not.toEqual(before);
    expect(await tiles(page).count()).toBe(count);
    expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
  });
});

test("without its collector a unit has no data, and its last values are not shown as current", async ({ page, plant }) => {
  await page.goto("/");
  await tiles(page).first().click();
  await untilLive(page);
  await expect(page.locator(".state-pill")).not.toHaveAttribute("data-state", "unknown");
  await plant.stopCollector();
  await expect(page.locator(".state-pill")).toHaveAttribute("data-state", "unknown");
  await expect(page.locator(".signals tbody tr[data-old=false]")).toHaveCount(0);
  await expect(page.locator(".signals")).toContainText("stale");
  plant.startCollector();
  await expect(page.locator(".state-pill")).not.toHaveAttribute("data-state", "unknown");
  await expect(page.locator(".signals tbody tr[data-old=false]").first()).toBeVisible();
});
