// The stock flagd provider of npm against the real binary, given host and port alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FlagdProvider } from "@openfeature/flagd-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/server-sdk";
import { again, change, eventually, importFlags, kill, restore, start } from "./souk.mjs";

const flag = "where2eat.enabled";
const pilot = { targetingKey: "bob@hyfin.example", groups: ["pilot"] };

for (const resolverType of ["rpc", "in-process"]) {
  test(`flagd-provider ${resolverType}: ready, a value, a change, a kill, a restart`, async (t) => {
    let souk = await start("--flagd-addr", "127.0.0.1:0", "--flagd-sync-addr", "127.0.0.1:0", "--flagd-environment", "staging");
    t.after(async () => {
      await OpenFeature.clearProviders();
      await souk.end();
    });
    const port = souk.port(resolverType === "rpc" ? "flagd.addr" : "flagd.sync_addr");
    const provider = new FlagdProvider({ host: "127.0.0.1", port, resolverType, tls: false });
    const client = OpenFeature.getClient(resolverType);
    const changed = [];
    client.addHandler(ProviderEvents.ConfigurationChanged, (event) => changed.push(...(event?.flagsChanged ?? [])));
    await OpenFeature.setProviderAndWait(resolverType, provider);

    const value = async () => (await client.getBooleanDetails(flag, true, pilot)).value;
    assert.equal((await client.getStringDetails(flag, "x")).errorCode, "TYPE_MISMATCH"); // before an answer is in the provider's cache
    const first = await client.getBooleanDetails(flag, true, pilot);
    assert.deepEqual(
      [first.value, first.reason, first.variant, first.flagMetadata.app],
      [false, "STATIC", "off", "where2eat"],
      JSON.stringify(first),
    );
    assert.equal((await client.getBooleanDetails("where2eat.nothing", true)).errorCode, "FLAG_NOT_FOUND");
    await value(); // static, and so from the provider's cache

    changed.length = 0;
    await change(souk, "staging", { mode: "audience", audience: "pilot", percent: 100 });
    await eventually("the change is seen", value);
    assert.deepEqual([...new Set(changed)], [flag]);
    assert.equal((await client.getBooleanDetails(flag, true, { targetingKey: "eve" })).value, false);
    assert.equal((await client.getBooleanDetails(flag, false, pilot)).reason, "TARGETING_MATCH");

    changed.length = 0;
    await kill(souk, "staging");
    await eventually("the kill is seen", async () => !(await value()));
    assert.deepEqual([...new Set(changed)], [flag]);
    const killed = await client.getBooleanDetails(flag, true, pilot);
    assert.equal(killed.flagMetadata.killed, true, JSON.stringify(killed));

    // A server that stops ends the stream with an error; a provider that heard OK would stay deaf for good.
    const lost = eventually("the provider notices", () => client.providerStatus !== "READY");
    await souk.stop();
    await lost;
    const where = resolverType === "rpc" ? "--flagd-addr" : "--flagd-sync-addr";
    souk = await again(souk, where, `127.0.0.1:${port}`, "--flagd-environment", "staging");
    await eventually("the provider is back", () => client.providerStatus === "READY");
    await restore(souk, "staging");
    await eventually("what changes afterwards is seen", value);
  });
}

test("flagd-provider in-process: odd flags of an import keep no kill of another from arriving", async (t) => {
  const souk = await start("--flagd-sync-addr", "127.0.0.1:0", "--flagd-environment", "sandbox");
  t.after(async () => {
    await OpenFeature.clearProviders();
    await souk.end();
  });
  const provider = new FlagdProvider({ host: "127.0.0.1", port: souk.port("flagd.sync_addr"), resolverType: "in-process", tls: false });
  const client = OpenFeature.getClient("odd");
  await OpenFeature.setProviderAndWait("odd", provider);
  const value = async (key) => (await client.getBooleanDetails(key, false, pilot)).value;
  assert.equal(await value(flag), true);

  const variants = { on: true, off: false };
  await importFlags(souk, {
    "odd.stateless": { variants, defaultVariant: "on" },
    "odd.default": { state: "ENABLED", variants, defaultVariant: "maybe" },
    "odd.disabled": { state: "DISABLED", variants, defaultVariant: "maybe" },
  });
  await eventually("the import is seen", () => value("odd.stateless"));
  assert.equal((await client.getBooleanDetails("odd.default", false)).errorCode, "FLAG_NOT_FOUND");

  await kill(souk, "sandbox");
  await eventually("the kill is seen", async () => !(await value(flag)));
  assert.equal(await value("odd.stateless"), true);
});
