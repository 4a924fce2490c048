import type { Page } from "@playwright/test";
import { expect, test, untilLive } from "../fixtures";

const firstTile = (page: Page) => page.getByRole("main").locator("a.tile").first();

/** The files of code that the page asks for, by what they are called. */
function code(page: Page): string[] {
  const files: string[] = [];
  page.on("request", (request) => {
    const name = /\/assets\/.*\/(\w+\.wasm)$/.exec(request.url())?.[1];
    if (name) files.push(name);
  });
  return files;
}

test("a page fetches its own code, once, and the next page what it needs beyond", async ({ page }) => {
  const files = code(page);
  await page.goto("/");
  await untilLive(page);
  expect(files).toContain("gemba.wasm");
  expect(files).toContain("split_overview.wasm");
  expect(files).not.toContain("split_unit.wasm");
  await firstTile(page).click();
  await expect(page.getByRole("heading", { name: "States" })).toBeVisible();
  expect(files).toContain("split_unit.wasm");
  expect(new Set(files).size, files.join(" ")).toBe(files.length);
});

test("the document names the code of its page to the browser, for good", async ({ page }) => {
  const answer = await page.request.get("/");
  const links = answer.headers().link ?? "";
  expect(links).toContain("split_overview.wasm>; rel=preload; as=fetch");
  expect(links).not.toContain("split_unit.wasm");
  for (const [, address] of links.matchAll(/<([^>]+)>/g)) {
    const file = await page.request.get(address ?? "");
    expect(file.status(), address).toBe(200);
    expect(file.headers()["content-type"]).toBe("application/wasm");
    expect(file.headers()["cache-control"]).toContain("immutable");
  }
});

test("a comparison shows something else without loading the page anew", async ({ page }) => {
  await page.goto("/compare/acme/leeds?by=unit");
  await expect(page.locator(".theme-switch:not([hidden])")).toBeAttached();
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  await page.getByRole("link", { name: "Shift", exact: true }).click();
  await expect(page.getByRole("columnheader", { name: "Shift" })).toBeVisible();
  expect(await page.evaluate(() => "sameDocument" in window)).toBe(true);
});

test.describe("when the code of the next page is not there any more", () => {
  test.use({ expectedErrors: /split_unit|404|TypeError|WebAssembly|Aborting/ });

  test("the browser asks for the whole page", async ({ page }) => {
    await page.goto("/");
    await untilLive(page);
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));
    await page.route(/split_unit\.wasm/, (route) => route.fulfill({ status: 404 }), { times: 1 });
    await firstTile(page).click();
    await expect(page).toHaveURL(/\/units\//);
    await expect(page.getByRole("heading", { name: "States" })).toBeVisible();
    await untilLive(page);
    expect(await page.evaluate(() => "sameDocument" in window)).toBe(false);
  });
});
