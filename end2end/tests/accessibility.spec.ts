import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, test, untilLive } from "../fixtures";

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(rules).analyze();
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.failureSummary}`));
}

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("the overview", async ({ page }) => {
      await page.goto("/");
      await untilLive(page);
      expect(await violations(page)).toEqual([]);
    });

    test("a unit", async ({ page }) => {
      await page.goto("/");
      await page.getByRole("main").locator("a.tile").first().click();
      await untilLive(page);
      expect(await violations(page)).toEqual([]);
    });

    test("a line's report, how a figure is made, figures side by side, the board on the wall, calendar, orders, products, reasons, collectors", async ({ page }) => {
      for (const path of [
        "/lines/acme/leeds/press-shop/line-1",
        "/derivation/acme/leeds/press-shop/line-1?figure=oee",
        "/compare/acme/leeds?by=unit",
        "/andon/acme/leeds",
        "/calendar/acme/leeds",
        "/orders",
        "/orders?state=all",
        "/products",
        "/reasons",
        "/collectors",
      ]) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        expect(await violations(page), path).toEqual([]);
      }
    });

    test("changing the password", async ({ page }) => {
      await page.goto("/account/password");
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      expect(await violations(page)).toEqual([]);
    });

    test.describe("signed out", () => {
      test.use({ storageState: { cookies: [], origins: [] } });

      test("signing in, and an answer that it did not work", async ({ page }) => {
        await page.goto("/login");
        expect(await violations(page)).toEqual([]);
        await page.goto("/login?error=credentials");
        expect(await violations(page)).toEqual([]);
      });
    });
  });
}

test("everything on the overview is reached by keyboard, and the focus is seen", async ({ page }) => {
  await page.goto("/");
  await untilLive(page);
  const links = await page.getByRole("main").locator("a.tile").count();
  const reached = new Set<string>();
  for (let press = 0; press < links + 40 && reached.size < links; press += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const seen = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
      return { href: element.classList.contains("tile") ? element.getAttribute("href") : null, seen, html: element.outerHTML.slice(0, 120) };
    });
    if (!focus) continue;
    expect(focus.seen, `the focus on ${focus.html} is seen`).toBe(true);
    if (focus.href) reached.add(focus.href);
  }
  expect(reached.size).toBe(links);
});
