import { expect, test, untilLive } from "../fixtures";

const calendar = "/calendar/acme/leeds";

test("a calendar shows two weeks, and a holiday entered ahead takes its shifts out", async ({ page }) => {
  await page.goto("/");
  await untilLive(page);
  await page.getByRole("link", { name: "Calendar" }).click();
  await expect(page).toHaveURL(/\/calendar\//);
  await expect(page.getByRole("main").getByRole("table").first()).toBeVisible();
  await expect(page.getByRole("main")).toContainText("Early");

  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const headers = { "content-type": "application/json", origin: new URL(page.url()).origin };
  const holiday = { name: "Works outing", from: day(5), to: day(6), kind: "holiday" };
  const entered = await page.request.put(`/api/v1${calendar}/closures`, { data: holiday, headers });
  expect(entered.status(), await entered.text()).toBe(200);
  await page.reload();
  await expect(page.getByRole("main")).toContainText("Works outing");
  const late = await page.request.put(`/api/v1${calendar}/closures`, { data: { ...holiday, from: day(-3), to: day(-2) }, headers });
  expect(late.status()).toBe(422);
  expect((await late.json()).type).toBe("closure-begun");
});

test("shifts that overlap are refused, and both are named", async ({ page }) => {
  await page.goto(calendar);
  const headers = { "content-type": "application/json", origin: new URL(page.url()).origin };
  const shift = (name: string, start: string, end: string) => ({ name, start, end });
  const wanted = { definition: { shifts: [shift("Early", "06:00", "14:30"), shift("Late", "14:00", "22:00")] } };
  const refused = await page.request.put(`/api/v1${calendar}`, { data: wanted, headers });
  expect(refused.status(), await refused.text()).toBe(422);
  const { detail } = await refused.json();
  expect(detail).toContain("Early");
  expect(detail).toContain("Late");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the calendar is readable", async ({ page }) => {
    await page.goto(calendar);
    await expect(page.getByRole("main").getByRole("table").first()).toBeVisible();
    await expect(page.getByRole("main")).toContainText("Early");
  });
});
