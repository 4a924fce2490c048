import { expect, test, untilLive } from "../fixtures";

// Pictures for people: in test-results/screens after each run.
const sizes = [
  { width: 1440, height: 900 },
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

for (const colorScheme of ["light", "dark"] as const) {
  for (const viewport of sizes) {
    const name = `${viewport.width}x${viewport.height}-${colorScheme}`;

    test.describe(name, () => {
      test.use({ colorScheme, viewport });

      test("fits, and is photographed", async ({ page, browser, plant }) => {
        const photograph = async (what: string) => {
          const overhang = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          expect(overhang, `${what} does not scroll sideways`).toBeLessThanOrEqual(0);
          await page.screenshot({ path: `test-results/screens/${what}-${name}.png`, fullPage: true });
        };
        await page.goto("/");
        await untilLive(page);
        await photograph("overview");
        await page.getByRole("main").locator("a.tile").first().click();
        await expect(page).toHaveURL(/\/units\//);
        await untilLive(page);
        await photograph("unit");
        await page.goto("/account/password");
        await photograph("password");

        const visitor = await browser.newContext({ colorScheme, viewport });
        const door = await visitor.newPage();
        await door.goto(`${plant.url}/login`);
        await door.screenshot({ path: `test-results/screens/login-${name}.png`, fullPage: true });
        await visitor.close();
      });
    });
  }
}
