import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, sent, test, untilHydrated } from "../fixtures";

const line = "acme/leeds/press-shop/line-1";
const assembly = "acme/leeds/assembly/line-2";

const row = (page: Page, code: string) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: code, exact: true }) });

test.describe.configure({ mode: "serial" });

test("a product is added with an ideal cycle, and one dated back says what it restates", async ({ page }) => {
  await untilHydrated(page, "/products");
  await page.getByLabel("Code").fill("bracket-40");
  await page.getByLabel("Name").fill("Bracket 40 mm");
  await page.getByLabel("Margin per good piece").fill("1.25");
  await page.getByRole("button", { name: "Add an ideal cycle" }).click();
  await page.locator("#product-form select").selectOption(`${line}/press-2`);
  await page.getByLabel("Seconds per piece").fill("3.4");
  const yesterday = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel("Valid from").fill(`${yesterday}T06:00`);
  await expect(page.getByRole("main")).toContainText("the figures of Press 2, Press line 1 since then are made anew");
  await page.getByRole("button", { name: "Add the product" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Bracket 40 mm is added." })).toBeVisible();
  const stored = page.getByRole("row").filter({ hasText: "bracket-40" });
  await expect(stored).toContainText("1.25");
  await expect(stored).toContainText("3.40 s");
});

test("an order is planned, started, paused, resumed and finished by clicking", async ({ page }) => {
  await untilHydrated(page, "/orders");
  await page.getByLabel("Order number").fill("PO-1");
  await page.locator("#order-form select").first().selectOption("bracket-40");
  await page.getByLabel("Good pieces wanted").fill("4000");
  await page.locator("#order-form select").last().selectOption(line);
  await page.getByRole("button", { name: "Add the order" }).click();
  await expect(row(page, "PO-1")).toContainText("planned");

  for (const [ask, told] of [
    ["Start", "PO-1 runs on Press line 1."],
    ["Pause", "PO-1 is paused; Press line 1 is free."],
    ["Resume", "PO-1 runs on Press line 1."],
    ["Finish", "PO-1 is finished; Press line 1 is free."],
  ] as const) {
    await row(page, "PO-1").getByRole("button", { name: `${ask} PO-1` }).click();
    const confirm = row(page, "PO-1").getByRole("button", { name: `${ask} PO-1 now` });
    await expect(confirm).toBeFocused();
    expect((await confirm.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await confirm.click();
    await expect(page.getByRole("status").filter({ hasText: told })).toBeVisible();
  }
  await expect(row(page, "PO-1")).toHaveCount(0);
  await page.getByRole("link", { name: "Finished", exact: true }).click();
  await expect(page).toHaveURL(/\/orders\?state=finished/);
  await expect(row(page, "PO-1")).toContainText("finished");
  await page.locator("select[name=line]").selectOption(assembly);
  await expect(page).toHaveURL(/state=finished&line=/);
  await expect(row(page, "PO-1")).toHaveCount(0);
});

test.describe("what is refused", () => {
  test.use({ expectedErrors: /409|422/ });

  test("a second order on a unit, with the number of the one that runs there", async ({ page }) => {
    await page.goto("/orders");
    const order = { product: "bracket-40", quantity: 100 };
    await sent(page, "put", "/orders/PO-2", { ...order, at: line });
    await sent(page, "put", "/orders/PO-3", { ...order, at: `${line}/press-2` });
    await sent(page, "post", "/orders/PO-2/status", { status: "running" });
    await untilHydrated(page, "/orders");
    await expect(page.locator("#runs")).toContainText("PO-2");
    await row(page, "PO-3").getByRole("button", { name: "Start PO-3" }).click();
    await page.getByRole("button", { name: "Start PO-3 now" }).click();
    await expect(row(page, "PO-3").getByRole("alert")).toContainText("Press 2 works on order `PO-2` since");
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`)).toEqual([]);
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("alert")).toHaveCount(0);
    await sent(page, "post", "/orders/PO-2/status", { status: "finished" });
  });

  test("a product of a code that there is already", async ({ page }) => {
    await untilHydrated(page, "/products");
    await page.getByLabel("Code").fill("bracket-40");
    await page.getByLabel("Name").fill("Another");
    await page.getByRole("button", { name: "Add the product" }).click();
    await expect(page.getByRole("alert")).toContainText("product `bracket-40` exists already");
  });
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("orders and products are readable", async ({ page }) => {
    await page.goto("/orders?state=finished");
    await expect(row(page, "PO-1")).toBeVisible();
    await page.goto("/products");
    await expect(page.getByRole("main")).toContainText("Bracket 40 mm");
  });
});
