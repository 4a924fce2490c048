import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, sent, test, untilHydrated } from "../fixtures";

const unit = "acme/leeds/press-shop/line-1/press-2";

const list = (page: Page, title: string) => page.locator("section", { has: page.getByRole("heading", { name: title, exact: true }) });
const reasonRules = (page: Page) => list(page, "Rules that give reasons");
const stateRules = (page: Page) => list(page, "Rules that make states");
const names = (rules: ReturnType<typeof list>) => rules.locator("table.rules tbody").getByRole("rowheader");

async function fill(form: ReturnType<typeof list>, name: string, outcome: string, condition: string): Promise<void> {
  await form.getByLabel("Name").fill(name);
  await form.getByRole("combobox").last().selectOption(outcome);
  await form.getByLabel("Holds while").fill(condition);
}

test.describe.configure({ mode: "serial" });

test.describe("what is refused", () => {
  test.use({ expectedErrors: /422/ });

  test("a slip in a rule that gives a reason, at its place and with what was meant", async ({ page }) => {
    await page.goto("/reasons");
    await sent(page, "put", "/reasons/material", { name: "Material", category: "minor_stops" });
    await untilHydrated(page, "/reasons");
    const form = reasonRules(page).locator("form");
    await fill(form, "Stopped", "material", "state is stoped");
    await form.getByRole("button", { name: "Try it" }).click();
    const mistake = form.getByRole("alert");
    await expect(mistake).toContainText("Column 10");
    await expect(mistake).toContainText("stopped");
    expect(await mistake.locator("pre").innerText()).toMatch(/state is stoped\n {9}\^/);
  });

  test("a slip in a rule that makes a state, and one that asks for what is not known yet", async ({ page }) => {
    await untilHydrated(page, "/reasons");
    const form = stateRules(page).locator("form");
    await fill(form, "Runs empty", "idle", "state is producng");
    await form.getByRole("button", { name: "Try it" }).click();
    const mistake = form.getByRole("alert");
    await expect(mistake).toContainText("Column 10");
    await expect(mistake).toContainText("producing");
    expect(await mistake.locator("pre").innerText()).toMatch(/state is producng\n {9}\^/);
    await fill(form, "Runs empty", "idle", "lasts < 2 min");
    await form.getByRole("button", { name: "Store without a trial" }).click();
    await expect(mistake).toHaveText(/^the rule `Runs empty` asks for `lasts`/);
    await expect(names(stateRules(page))).toHaveCount(0);
  });
});

test("a rule that gives a reason is tried before it is stored, and rules change their order", async ({ page }) => {
  await untilHydrated(page, "/reasons");
  const form = reasonRules(page).locator("form");
  for (const name of ["All", "Short"]) {
    await fill(form, name, "material", name === "All" ? "lasts > 1 s" : "lasts < 2 min");
    await expect(form.getByRole("button", { name: "Store without a trial" })).toBeVisible();
    await form.getByRole("button", { name: "Try it" }).click();
    await expect(form.locator(".trial-summary")).toContainText(/^Would change .* of the last 30 days/);
    await form.getByRole("button", { name: "Store the rule" }).click();
    await expect(form.getByRole("status").filter({ hasText: `${name} is stored.` })).toBeVisible();
  }
  const rules = names(reasonRules(page));
  await expect(rules).toHaveText(["All", "Short"]);
  await page.getByRole("button", { name: "Later: All" }).click();
  await expect(rules).toHaveText(["Short", "All"]);
  await page.getByRole("button", { name: "Store it", exact: true }).click();
  await expect(page.getByRole("status").filter({ hasText: /^Stored\./ })).toBeVisible();
  await page.reload();
  await expect(rules).toHaveText(["Short", "All"]);
});

test("rules that make states are tried as they would stand, stored, reordered and taken out", async ({ page }) => {
  await untilHydrated(page, "/reasons");
  const rules = stateRules(page);
  const form = rules.locator("form");
  const summary = rules.locator(".trial-summary");

  await fill(form, "Runs empty", "idle", "not state is unknown");
  await form.getByRole("button", { name: "Try it" }).click();
  await expect(summary).toHaveText(/^Would change \d+ intervals? \(.+\) of the last 7 days\.$/);
  expect(await form.locator(".trial-units li").count()).toBeGreaterThan(1);
  const changed = form.locator(".trial-stops tbody tr").first();
  await expect(changed.getByRole("cell").last()).toHaveText("Idle");
  await expect(changed.getByRole("link")).toHaveAttribute("href", /^\/lines\/acme\/.+\?from=.+&to=/);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`)).toEqual([]);

  // Another place is another trial.
  await form.getByLabel("Where").selectOption(unit);
  await expect(summary).toHaveCount(0);
  await form.getByRole("button", { name: "Try it" }).click();
  await expect(summary).toHaveText(/^Would change \d+/);
  await expect(form.locator(".trial-units")).toHaveCount(0);
  await form.getByRole("button", { name: "Store the rule" }).click();
  await expect(form.getByRole("status").filter({ hasText: "Runs empty is stored." })).toBeVisible();

  // Behind the other it changes nothing: what is tried is the whole list.
  await fill(form, "Never comes to it", "off", "not state is unknown");
  await form.getByLabel("Where").selectOption(unit);
  await form.getByRole("button", { name: "Try it" }).click();
  await expect(summary).toHaveText("Would change no interval of the last 7 days.");
  await form.getByRole("button", { name: "Store the rule" }).click();
  await expect(form.getByRole("status").filter({ hasText: "Never comes to it is stored." })).toBeVisible();
  await page.reload();
  await expect(page.locator(".theme-switch:not([hidden])")).toBeAttached();
  await expect(names(rules)).toHaveText(["Runs empty", "Never comes to it"]);
  await expect(rules.getByRole("row").filter({ hasText: "Runs empty" })).toContainText("Press 2");

  await rules.getByRole("button", { name: "Later: Runs empty" }).click();
  await expect(rules.getByRole("button", { name: "Store it without a trial" })).toBeVisible();
  await rules.locator(".list-words").getByRole("button", { name: "Try it" }).click();
  await expect(summary).toHaveText(/^Would change \d+ intervals?/);
  await expect(rules.getByRole("button", { name: "Store it", exact: true })).toBeVisible();
  for (const name of ["Never comes to it", "Runs empty"]) await rules.getByRole("button", { name: `Take out ${name}` }).click();
  await rules.getByRole("button", { name: "Store it without a trial" }).click();
  await expect(rules.getByRole("status").filter({ hasText: /^Stored\./ })).toBeVisible();
  await expect(names(rules)).toHaveCount(0);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("reasons and rules are readable", async ({ page }) => {
    await page.goto("/reasons");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Reasons and rules");
    await expect(reasonRules(page)).toContainText("lasts < 2 min");
    await expect(stateRules(page)).toContainText("No rule yet.");
  });
});
