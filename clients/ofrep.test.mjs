// The stock OFREP providers of npm against the real binary: the one for servers, and the one for browsers with an EventSource that
// behaves as a browser's. ofrep-browser.test.mjs has the latter in a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature as Server } from "@openfeature/server-sdk";
import { ProviderEvents, OpenFeature as Web } from "@openfeature/web-sdk";
import { EventSource } from "eventsource";
import { change, eventually, kill, restore, revoke, start } from "./souk.mjs";

const flag = "where2eat.enabled";
const pilot = { targetingKey: "bob@hyfin.example", groups: ["pilot"] };
const audience = { mode: "audience", audience: "pilot", percent: 100 };

globalThis.EventSource ??= EventSource;

/** Counts the requests of a provider, by path and status. */
function counted() {
  const seen = [];
  return {
    seen,
    fetchImplementation: async (request) => {
      const answer = await fetch(request);
      seen.push({ url: new URL(request.url), status: answer.status });
      return answer;
    },
  };
}

test("ofrep-provider: a value, what is wrong with a request, a change, a kill", async (t) => {
  const souk = await start();
  t.after(async () => {
    await Server.clearProviders();
    await souk.end();
  });
  const secret = await souk.command("sdk-key", "create", "--environment", "staging");
  const headers = [["Authorization", `Bearer ${secret}`]];
  await Server.setProviderAndWait("ofrep", new OFREPProvider({ baseUrl: souk.url, headers }));
  const client = Server.getClient("ofrep");
  const first = await client.getBooleanDetails(flag, true, pilot);
  assert.deepEqual(
    [first.value, first.reason, first.variant, first.flagMetadata.app, first.flagMetadata.flagSetId],
    [false, "STATIC", "off", "where2eat", "staging"],
    JSON.stringify(first),
  );
  assert.equal((await client.getBooleanDetails("where2eat.nothing", true, pilot)).errorCode, "FLAG_NOT_FOUND");
  assert.equal((await client.getBooleanDetails("where2eat/nothing", true, pilot)).errorCode, "FLAG_NOT_FOUND");
  assert.equal((await client.getStringDetails(flag, "x", pilot)).errorCode, "TYPE_MISMATCH");
  const huge = { ...pilot, note: "x".repeat(70_000) };
  assert.equal((await client.getBooleanDetails(flag, true, huge)).errorCode, "INVALID_CONTEXT");

  await change(souk, "staging", audience);
  assert.equal(await client.getBooleanValue(flag, false, pilot), true);
  assert.equal((await client.getBooleanDetails(flag, false, pilot)).reason, "TARGETING_MATCH");
  assert.equal(await client.getBooleanValue(flag, true, { targetingKey: "eve" }), false);

  await kill(souk, "staging");
  const killed = await client.getBooleanDetails(flag, true, pilot);
  assert.deepEqual([killed.value, killed.flagMetadata.killed], [false, true], JSON.stringify(killed));
  await restore(souk, "staging");
  assert.equal(await client.getBooleanValue(flag, false, pilot), true);
});

test("ofrep-provider: waits as long as Retry-After says when its key has had its share", async (t) => {
  const souk = await start();
  t.after(async () => {
    await Server.clearProviders();
    await souk.end();
  });
  const secret = await souk.command("sdk-key", "create", "--environment", "sandbox", "--requests-per-second", "1");
  const headers = [["X-API-Key", secret]];
  await Server.setProviderAndWait("limited", new OFREPProvider({ baseUrl: souk.url, headers }));
  const client = Server.getClient("limited");
  assert.equal(await client.getBooleanValue(flag, false, pilot), true);
  const refused = await client.getBooleanDetails(flag, false, pilot);
  assert.match(refused.errorMessage, /rate limit exceeded, try again after/, JSON.stringify(refused));
  await eventually("the key may ask again", async () => (await client.getBooleanDetails(flag, false, pilot)).value);
});

test("ofrep-web-provider: values, a change and a kill by its stream, and nothing more once its key is revoked", async (t) => {
  const souk = await start();
  t.after(async () => {
    await Web.clearProviders();
    await souk.end();
  });
  const secret = await souk.command("sdk-key", "create", "--environment", "staging");
  const { seen, fetchImplementation } = counted();
  const provider = new OFREPWebProvider({
    baseUrl: souk.url,
    fetchImplementation,
    headers: [["Authorization", `Bearer ${secret}`]],
    pollInterval: 0, // so that what is seen came by the stream
    cacheMode: "disabled",
  });
  await Web.setContext("ofrep", pilot);
  await Web.setProviderAndWait("ofrep", provider);
  const client = Web.getClient("ofrep");
  const changed = [];
  client.addHandler(ProviderEvents.ConfigurationChanged, (event) => changed.push(...(event?.flagsChanged ?? [])));
  assert.equal(client.getBooleanValue(flag, true), false);
  await eventually("the stream says what there is", () => seen.length > 1);
  assert.deepEqual(
    seen.map(({ status }) => status),
    [200, 304],
  );
  assert.match(seen[1].url.searchParams.get("flagConfigEtag"), /^[0-9a-z]+-[0-9a-f]+$/);

  await change(souk, "staging", audience);
  await eventually("the change is seen", () => client.getBooleanValue(flag, false));
  assert.deepEqual([...new Set(changed)], [flag]);

  changed.length = 0;
  await kill(souk, "staging");
  await eventually("the kill is seen", () => !client.getBooleanValue(flag, true));
  assert.equal(client.getBooleanDetails(flag, true).flagMetadata.killed, true);
  assert.deepEqual([...new Set(changed)], [flag]);
  await restore(souk, "staging");
  await eventually("the end of the kill is seen", () => client.getBooleanValue(flag, false));

  const before = Date.now();
  await revoke(souk, secret);
  await eventually("the stream ends, and the key lets in no more", () => seen.at(-1).status === 401);
  t.diagnostic(`turned away ${Date.now() - before} ms after the key was revoked`);
});
