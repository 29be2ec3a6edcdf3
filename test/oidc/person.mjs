// The person at the browser, for tests: opens URL in a headless Chromium, logs in at login.mjs,
// consents, and prints as one line of JSON what the last page says.
//
//   node person.mjs [--deny] URL
//
// CHROMIUM names the program (default chromium). Nothing but this machine is reached.

import { chromium } from "playwright-core";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: args, positionals } = parseArgs({
  options: { deny: { type: "boolean", default: false } },
  allowPositionals: true,
});
const url = positionals[0];

const profile = await mkdtemp(join(tmpdir(), "person-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  chromiumSandbox: false,
  timeout: 60_000, // milliseconds
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
  ],
});
let failed = false;
try {
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(30_000);
  await page.goto(url, { waitUntil: "domcontentloaded" });
  // The device flow first wants its code, which the URL may have filled in, and then a confirmation.
  const device = new URL(url).pathname.startsWith("/device");
  if (device) {
    await page.locator("button[type=submit]").first().click();
  }
  await page.locator("input[name=login]").fill("alice");
  await page.locator("input[name=password]").fill("any password");
  await page.locator("button[type=submit]").click();
  await page.locator("input[name=prompt][value=consent]").waitFor({ state: "attached" });
  if (args.deny) {
    await page.getByRole("link", { name: /cancel/i }).click();
  } else {
    await page.locator("button[type=submit]").click();
  }
  await page.waitForURL(
    device ? /\/device/ : (to) => to.hostname === "localhost" && to.pathname === "/callback",
    { waitUntil: "domcontentloaded" },
  );
  console.log(
    JSON.stringify({
      text: (await page.locator("body").innerText()).trim(),
      at: page.url().split("?")[0],
    }),
  );
} catch (error) {
  failed = true;
  console.error(error.message, "at", context.pages().map((page) => page.url().split("?")[0]));
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
