import { defineConfig, devices } from "@playwright/test";
import { chromium, chromiumFlags } from "./browser";

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results/files",
  // One plant serves all tests of a worker, and a plant keeps two cores busy enough.
  workers: 1,
  fullyParallel: false,
  forbidOnly: !!process.env.CI,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"], ["json", { outputFile: "test-results/report.json" }]],
  use: {
    ...devices["Desktop Chrome"],
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    timezoneId: "Europe/London",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: { executablePath: chromium(), args: chromiumFlags },
  },
  projects: [{ name: "chromium" }],
});
