import { type APIResponse, type BrowserContext, type Page, test as base, expect } from "@playwright/test";
import { Plant } from "./plant";

export { expect };

/** What the administrator's password is after the first sign-in. */
export const password = "loom gauge harbour 42";

/** Signs in; at the first time of all changes the one-time password, as the page demands. */
export async function signIn(page: Page, plant: Plant): Promise<void> {
  const oneTime = plant.initialPassword();
  await page.goto(`${plant.url}/login`);
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(oneTime ?? password);
  await page.getByRole("button", { name: "Sign in" }).click();
  if (oneTime) {
    await expect(page.getByRole("heading", { name: "Change password" })).toBeVisible();
    await page.getByLabel("Current password").fill(oneTime);
    await page.getByLabel("New password", { exact: true }).fill(password);
    await page.getByLabel("New password again").fill(password);
    await page.getByRole("button", { name: "Change password" }).click();
  }
  await expect(page).toHaveURL(`${plant.url}/`);
}

/** The page's connection is live: its script runs, and the server talks to it. */
export async function untilLive(page: Page): Promise<void> {
  await expect(page.locator("[data-live=live]")).toBeVisible();
}

/** The page's script runs: what it offers by click works. */
export async function untilHydrated(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.locator(".theme-switch:not([hidden])")).toBeAttached();
}

/** What the signed-in user sends to the API beside the page. */
export async function sent(page: Page, method: "put" | "post", path: string, data: unknown): Promise<APIResponse> {
  const headers = { "content-type": "application/json", origin: new URL(page.url()).origin };
  const answer = await page.request[method](`/api/v1${path}`, { data, headers });
  expect(answer.status(), await answer.text()).toBe(200);
  return answer;
}

/** Errors that a page reports (its own, and breaches of the content security policy). */
function watchErrors(context: BrowserContext): string[] {
  const errors: string[] = [];
  const watch = (page: Page) => {
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => errors.push(String(error)));
  };
  context.pages().forEach(watch);
  context.on("page", watch);
  return errors;
}

type Errors = {
  /** What of the browser's errors a test brings about on purpose. */
  expectedErrors: RegExp | undefined;
  /** Any other error of a page fails its test. */
  noErrors: void;
};

/** Without a plant: for a test that starts one of its own. */
export const bare = base.extend<Errors>({
  expectedErrors: [undefined, { option: true }],
  noErrors: [
    async ({ context, expectedErrors }, use, info) => {
      const errors = watchErrors(context);
      await use();
      const unexpected = errors.filter((error) => !expectedErrors?.test(error));
      if (info.status === info.expectedStatus) expect(unexpected, "errors in the browser's console").toEqual([]);
    },
    { auto: true },
  ],
});

/** With a plant that serves all tests of the worker; tests start signed in unless they set another `storageState`. */
export const test = bare.extend<object, { plant: Plant; session: Awaited<ReturnType<BrowserContext["storageState"]>> }>({
  plant: [
    async ({}, use) => {
      const plant = await Plant.start();
      await use(plant);
      await plant.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  session: [
    async ({ browser, plant }, use) => {
      const context = await browser.newContext();
      await signIn(await context.newPage(), plant);
      const state = await context.storageState();
      await context.close();
      await use(state);
    },
    { scope: "worker", timeout: 60_000 },
  ],
  storageState: async ({ session }, use) => use(session),
  baseURL: async ({ plant }, use) => use(plant.url),
});
