import type { Page } from "@playwright/test";
import { bare, expect, signIn, untilLive } from "../fixtures";
import { Plant } from "../plant";

const line = "/lines/acme/leeds/press-shop/line-1";

/** A plant whose machines run fast, so that stops come within seconds. */
const test = bare.extend<object, { quick: Plant }>({
  quick: [
    async ({}, use) => {
      const plant = await Plant.start({ speed: 30 });
      await use(plant);
      await plant.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  storageState: async ({ browser, quick }, use) => {
    const context = await browser.newContext();
    await signIn(await context.newPage(), quick);
    const state = await context.storageState();
    await context.close();
    await use(state);
  },
  baseURL: async ({ quick }, use) => use(quick.url),
});

const stops = (page: Page) => page.getByRole("region", { name: "Stops", exact: true }).or(page.locator("section", { has: page.getByRole("heading", { name: "Stops", exact: true }) }));
const reasons = (page: Page) => page.locator("section", { has: page.getByRole("heading", { name: "Reasons", exact: true }) });

test("a stop appears live, gets its reason, and moves the Pareto", async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto(line);
  await untilLive(page);
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  const give = stops(page).getByRole("button", { name: /^Give/ });
  await expect(give.first()).toBeVisible({ timeout: 90_000 });
  await expect(reasons(page)).not.toContainText("Jam or misfeed");
  await give.last().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Jam or misfeed" }).first().click();
  await expect(dialog).toBeHidden();
  await expect(reasons(page)).toContainText("Jam or misfeed");
  await expect(stops(page)).toContainText("admin");
  expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
});

test("a figure opens down to its samples", async ({ page }) => {
  await page.goto(line);
  await untilLive(page);
  await page.getByRole("main").locator("a[href*='figure=oee']").first().click();
  await expect(page).toHaveURL(/\/derivation\//);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("How OEE is made");
  await expect(page.getByRole("main")).toContainText("sum(PRI x GQ) / known PBT");
  // Before the plant was started nobody watched: the gap is told with its cause.
  await expect(page.getByRole("main")).toContainText(/nobody was watching|NOT WATCHED/i);
  await page.getByRole("main").locator("a[href*='signal=good-count']").first().click();
  await expect(page).toHaveURL(/\/units\/.*signal=good-count/);
  await expect(page.getByRole("main").locator("figure svg path, figure svg polyline").first()).toBeAttached();
});

test("the address restores the view", async ({ page }) => {
  await page.goto(line);
  await untilLive(page);
  await page.getByRole("link", { name: "24 h" }).click();
  await expect(page).toHaveURL(/from=/);
  await page.getByRole("link", { name: "TPM" }).click();
  await expect(page).toHaveURL(/profile=tpm/);
  const address = page.url();
  await page.goto("/");
  await page.goto(address);
  await expect(page.getByRole("link", { name: "TPM" })).toHaveAttribute("aria-current", "true");
  await expect(page).toHaveURL(address);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the report and the derivation are complete", async ({ page }) => {
    await page.goto(line);
    await expect(page.getByRole("heading", { name: "Hour by hour" })).toBeVisible();
    await expect(page.getByRole("heading", { name: "Where the time went" })).toBeVisible();
    await expect(page.getByRole("main").getByRole("table").first()).toBeVisible();
    await page.getByRole("main").locator("a[href*='figure=oee']").first().click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("How OEE is made");
  });
});

test("what others said meanwhile is not overwritten, and both versions are shown", async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto(line);
  await untilLive(page);
  const unit = "acme/leeds/press-shop/line-1/press-2";
  const ended = async () => {
    const report = await (await page.request.get(`/api/v1/report/${unit}`)).json();
    return report.stops.find((stop: { running: boolean; said: unknown[] }) => !stop.running && stop.said.length === 0);
  };
  await expect.poll(ended, { timeout: 90_000 }).toBeTruthy();
  const stop = await ended();
  const word = { unit, from: stop.from, to: stop.to, reason: "jam", comment: "", seen: [] };
  const headers = { "content-type": "application/json", origin: new URL(page.url()).origin };
  const first = await page.request.post("/api/v1/stops/reason", { data: word, headers });
  expect(first.status()).toBe(200);
  const second = await page.request.post("/api/v1/stops/reason", { data: { ...word, reason: "cleaning" }, headers });
  expect(second.status()).toBe(409);
  const conflict = await second.json();
  expect(conflict.type).toBe("changed-meanwhile");
  expect([conflict.yours.reason, conflict.theirs[0].reason, conflict.theirs[0].by]).toEqual(["cleaning", "jam", "admin"]);
});

test("a shift hands over to the next in words", async ({ page }) => {
  await page.goto(line);
  await untilLive(page);
  const section = page.locator("section", { has: page.getByRole("heading", { name: "Handed over" }) });
  await section.getByRole("button", { name: "Write to the next shift" }).click();
  await section.getByRole("textbox").fill("Die 3 wears; coil changed at the end");
  await section.getByRole("button", { name: "Save" }).click();
  await expect(section.getByRole("textbox")).toBeHidden();
  await page.reload();
  await expect(section).toContainText("Die 3 wears; coil changed at the end");
  await expect(section).toContainText("admin");
});
