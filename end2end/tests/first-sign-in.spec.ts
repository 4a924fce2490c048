import { bare, expect, password, signIn } from "../fixtures";
import { Plant } from "../plant";

const test = bare.extend<{ fresh: Plant }>({
  fresh: async ({ context }, use) => {
    const plant = await Plant.start({ machines: false });
    await use(plant);
    // A page that is open would miss its server.
    await Promise.all(context.pages().map((page) => page.close()));
    await plant.stop();
  },
});

test("the first sign-in demands a new password, and the one-time one is gone afterwards", async ({ page, fresh }) => {
  const oneTime = fresh.initialPassword();
  expect(oneTime).toBeTruthy();

  await page.goto(`${fresh.url}/`);
  await expect(page).toHaveURL(/\/login/);

  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();

  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(oneTime ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Change password" })).toBeVisible();

  // Nothing else opens before it is changed.
  await page.goto(`${fresh.url}/`);
  await expect(page.getByRole("heading", { name: "Change password" })).toBeVisible();

  await page.getByLabel("Current password").fill(oneTime ?? "");
  await page.getByLabel("New password", { exact: true }).fill(password);
  await page.getByLabel("New password again").fill("something else 77");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  expect(fresh.initialPassword()).toBe(oneTime);

  await page.getByLabel("Current password").fill(oneTime ?? "");
  await page.getByLabel("New password", { exact: true }).fill(password);
  await page.getByLabel("New password again").fill(password);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page).toHaveURL(`${fresh.url}/`);
  expect(fresh.initialPassword()).toBeUndefined();

  await page.locator(".menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login/);
  await signIn(page, fresh);
});

test("an empty plant says how the first data get in", async ({ page, fresh }) => {
  await signIn(page, fresh);
  await expect(page.getByRole("main")).toContainText("gemba plant import");
});
