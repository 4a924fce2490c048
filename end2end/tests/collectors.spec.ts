import { expect, test, untilLive } from "../fixtures";

test("a collector is shown with its sources, and every page tells when it falls silent", async ({ page, plant }) => {
  await page.goto("/collectors");
  const card = page.getByRole("region", { name: "demo" });
  await expect(card).toHaveAttribute("data-condition", "flowing");
  await expect(card.getByRole("listitem").filter({ hasText: "streaming" })).not.toHaveCount(0);
  await expect(card.getByText(/heard .* ago/)).toBeVisible();
  await expect(page.getByText("1 of 1 bring in data")).toBeVisible();

  await plant.stopCollector();
  await page.goto("/");
  await untilLive(page);
  const notice = page.getByText("The collector demo is silent");
  await expect(notice).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("navigation", { name: "Main" }).getByText("1 needs looking after")).toBeAttached();
  await page.getByRole("link", { name: "Look at the collectors" }).click();
  await expect(card).toHaveAttribute("data-condition", "silent");
  await expect(card.getByText("See whether its computer runs")).toBeVisible();
  await card.getByText(/in the last 7 days/).click();
  await expect(card.getByRole("row").filter({ hasText: "not arrived yet" })).toBeVisible();

  plant.startCollector();
  await expect(card).toHaveAttribute("data-condition", "flowing");
  await expect(notice).toHaveCount(0);
});
