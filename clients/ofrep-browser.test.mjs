// The stock OFREP provider for browsers in a browser: modules, EventSource and cross-origin rules as chromium has them, on a page of
// another origin than Souk's, with a key that the page shows to everybody. scripts/client-tests names the chromium.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { apply, change, eventually, kill, publish, start } from "./souk.mjs";

const executablePath = process.env.CHROMIUM;
const flag = "menu.enabled";
const template = `apiVersion: souk/v1
kind: Template
metadata: {name: browser-toggle-v1}
spec:
  templateId: browser-toggle-v1
  displayName: A switch that pages see
  description: For what a page in a browser decides by itself
  flag: {client_side: true}
  fields:
    name: {type: string, required: true}
    owner: {type: string, required: true}
    audiences: {type: enum, values: [internal, pilot, beta], required: true}
    ttl_days: {type: integer, default: 30, max: 365}
    kill_switch: {type: boolean, default: true}
  requiredChecks: [security_scan, dependency_check, audit_fields_present]
`;

// The packages as npm has them, without a bundler: the page maps their names to the files of node_modules. The provider for servers
// needs another version of ofrep-core than this one.
const modules = {
  "@openfeature/core": "@openfeature/core/dist/esm/index.js",
  "@openfeature/ofrep-core": "@openfeature/ofrep-web-provider/node_modules/@openfeature/ofrep-core/index.esm.js",
  "@openfeature/ofrep-web-provider": "@openfeature/ofrep-web-provider/index.esm.js",
  "@openfeature/web-sdk": "@openfeature/web-sdk/dist/esm/index.js",
};

const page = (souk, secret) => `<!doctype html>
<title>Menu</title>
<script type="importmap">${JSON.stringify({ imports: Object.fromEntries(Object.entries(modules).map(([name, file]) => [name, `/modules/${file}`])) })}</script>
<script type="module">
  import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
  import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
  const client = OpenFeature.getClient();
  const show = () => {
    const { value, reason, errorCode, flagMetadata } = client.getBooleanDetails("${flag}", false);
    document.body.textContent = JSON.stringify({ value, reason, errorCode, killed: flagMetadata.killed === true });
  };
  for (const event of [ProviderEvents.Ready, ProviderEvents.ConfigurationChanged, ProviderEvents.Error]) client.addHandler(event, show);
  await OpenFeature.setContext({ targetingKey: "bob@hyfin.example", groups: ["pilot"] });
  const provider = new OFREPWebProvider({
    baseUrl: ${JSON.stringify(souk.url)}, headers: [["Authorization", "Bearer ${secret}"]], pollInterval: 0, cacheMode: "disabled",
  });
  await OpenFeature.setProviderAndWait(provider).catch(show);
</script>
<body></body>`;

/** Serves the page, and the modules that it names, on a port of its own. */
async function site(html) {
  const server = http.createServer(async (request, answer) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = Object.values(modules).find((one) => pathname === `/modules/${one}`);
    if (file) {
      answer.writeHead(200, { "Content-Type": "text/javascript" }).end(await readFile(join(import.meta.dirname, "node_modules", file)));
    } else {
      answer.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(html());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, end: () => server.close() };
}

test("ofrep-web-provider in a browser: values, a change and a kill by its stream, on declared origins alone", {
  skip: executablePath ? false : "CHROMIUM names no browser",
}, async (t) => {
  const souk = await start();
  let html = "";
  const declared = await site(() => html);
  const other = await site(() => html);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-background-networking"] });
  t.after(async () => {
    await browser.close();
    declared.end();
    other.end();
    await souk.end();
  });
  await apply(souk, "template.yaml", template);
  await publish(souk, "menu", "browser-toggle-v1");
  html = page(souk, await souk.command("sdk-key", "create", "--environment", "staging", "--client-side", "--origin", declared.origin));

  const tab = await browser.newPage();
  const logged = [];
  tab.on("console", (message) => logged.push(message.text()));
  tab.on("pageerror", (error) => logged.push(error.message));
  const shown = async () => JSON.parse((await tab.textContent("body")) || "{}");
  const shows = (words, want) =>
    eventually(words, async () => {
      const got = await shown();
      return Object.entries(want).every(([name, value]) => got[name] === value);
    }).catch(async (error) => {
      assert.fail(`${error.message}; it shows ${JSON.stringify(await shown())}, and logged ${logged.join("\n")}`);
    });
  await tab.goto(declared.origin);
  await shows("a value", { value: false, reason: "STATIC" });
  await change(souk, "staging", { mode: "audience", audience: "pilot", percent: 100 }, flag);
  await shows("the change", { value: true, reason: "TARGETING_MATCH" });
  await kill(souk, "staging", flag);
  await shows("the kill", { value: false, reason: "STATIC", killed: true });
  assert.deepEqual(logged, []);

  // Another site that copies the key out of the page gets nothing.
  await tab.goto(other.origin);
  await shows("it is refused", { value: false, reason: "ERROR" });
});
