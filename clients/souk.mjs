// The real binary with a small company in it, for tests of clients that nobody here wrote.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import http from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const binary = process.env.SOUK_BINARY ?? join(import.meta.dirname, "../bin/souk");
const patience = 60_000;

const people = { alice: "team-lunch", pat: "product", sam: "security", petra: "platform" };

const company = `${Object.keys(people)
  .map((name) => `apiVersion: souk/v1\nkind: Person\nmetadata: {name: ${name}@hyfin.example}\nspec: {display_name: ${name}}\n`)
  .join("---\n")}---
apiVersion: souk/v1
kind: Group
metadata: {name: team-lunch}
spec: {members: [alice@hyfin.example]}
${["pat/product", "sam/security", "petra/platform"]
  .map((one) => one.split("/"))
  .map(
    ([name, domain]) => `---
apiVersion: souk/v1
kind: Group
metadata: {name: ${domain}}
spec: {roles: [approver], domains: [${domain}], members: [${name}@hyfin.example]}
`,
  )
  .join("")}`;

/** Waits until what holds; what gives something true, or fails in the meantime. */
export async function eventually(words, what) {
  const end = Date.now() + patience;
  for (;;) {
    const got = await what();
    if (got) return got;
    assert.ok(Date.now() < end, `not in a minute: ${words}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Applies the text of a file. */
export async function apply(souk, name, text) {
  const files = mkdtempSync(join(souk.data, "files-"));
  writeFileSync(join(files, name), text);
  await souk.command("apply", "-f", files);
}

/** Imports flags into the sandbox. */
export async function importFlags(souk, flags) {
  const file = join(mkdtempSync(join(souk.data, "import-")), "flags.json");
  writeFileSync(file, JSON.stringify({ flags }));
  await souk.command("import", "flagd", file);
}

/** Starts souk serve on an empty directory, with where2eat.enabled approved: on in the sandbox, off elsewhere. */
export async function start(...flags) {
  const data = mkdtempSync(join(tmpdir(), "souk-clients-"));
  const souk = await serve(data, ["--addr", "127.0.0.1:0", ...flags]);
  try {
    await fill(souk);
  } catch (error) {
    await souk.end();
    throw error;
  }
  return souk;
}

async function serve(data, flags) {
  let told = "";
  const server = spawn(binary, ["serve", "--data", data, ...flags], { cwd: data, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [server.stdout, server.stderr]) {
    stream.on("data", (text) => {
      told += text;
    });
  }
  const exited = new Promise((resolve) => server.once("exit", resolve));
  await eventually("souk serves", () => {
    assert.equal(server.exitCode, null, told);
    return /^souk serves \S+$/m.test(told);
  });
  const url = /^souk serves (\S+)$/m.exec(told)[1];
  const port = (setting) => Number(/:(\d+)$/.exec(new RegExp(`^${setting}: (.*)$`, "m").exec(told)[1])[1]);
  return {
    data,
    url,
    port,
    stop: async () => {
      server.kill("SIGTERM");
      await exited;
    },
    end: async () => {
      server.kill("SIGKILL");
      await exited;
      rmSync(data, { recursive: true, force: true });
    },
    command: async (...args) => (await run(binary, [...args, "--data", data], { cwd: data })).stdout.trim(),
  };
}

/** Starts souk again on the directory of one that was stopped. */
export async function again(souk, ...flags) {
  return Object.assign(await serve(souk.data, ["--addr", "127.0.0.1:0", ...flags]), { tokens: souk.tokens });
}

/** Calls the API as the named person. */
async function call(souk, who, method, path, body) {
  const answer = await fetch(`${souk.url}${path}`, {
    method,
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${souk.tokens[who]}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

async function request(souk, content) {
  let r = await call(souk, "alice", "POST", "/api/v1/requests", content);
  const approvers = { product: "pat", security: "sam", platform: "petra" };
  for (const need of r.approvals_needed ?? []) {
    if (r.state !== "needs_approval") break;
    r = await call(souk, approvers[need.domain], "POST", `/api/v1/requests/${r.id}/approve`, { digest: r.digest, reason: "fine" });
  }
  assert.equal(r.state, "approved", JSON.stringify(r.checks));
}

async function fill(souk) {
  await apply(souk, "company.yaml", company);
  souk.tokens = {};
  for (const name of Object.keys(people)) {
    souk.tokens[name] = await souk.command("token", "create", "--as", `${name}@hyfin.example`, "--scope", "all");
  }
  await publish(souk, "where2eat", "microapp-basic-toggle-v1");
}

/** Publishes an app with the flag <slug>.enabled: on in the sandbox, off elsewhere. */
export async function publish(souk, slug, template_id) {
  await request(souk, {
    kind: "publish_app",
    template_id,
    reason: "team lunch picks take too long",
    app: {
      slug,
      name: `App ${slug}`,
      description: "Where to have lunch today",
      category: "dashboard",
      owner: "team-lunch",
      contact: "alice@hyfin.example",
      kind: "external",
      url: `https://${slug}.hyfin.example`,
    },
    fields: { name: "Enabled", owner: "alice@hyfin.example", audiences: "pilot", ttl_days: 30 },
  });
}

/** Changes what a flag serves in an environment that is not governed. */
export async function change(souk, environment, serving, key = "where2eat.enabled") {
  const flag = await call(souk, "alice", "GET", `/api/v1/flags/${key}`);
  const state = flag.environments.find((e) => e.environment === environment);
  await request(souk, {
    kind: "change_flag",
    flag_key: key,
    environment,
    base_revision: state.revision,
    reason: "because",
    change: serving,
  });
}

/** Turns a flag off for everybody. */
export async function kill(souk, environment, key = "where2eat.enabled") {
  await souk.command("kill", key, "--environment", environment, "--reason", "test");
}

/** Ends that. */
export async function restore(souk, environment) {
  await call(souk, "alice", "POST", `/api/v1/flags/where2eat.enabled/environments/${environment}/restore`, { reason: "test" });
}

/** Ends an SDK key, as the local administrator. */
export async function revoke(souk, secret) {
  const list = await local(souk, "GET", "/api/v1/sdk-keys");
  const key = list.items.find((one) => secret.startsWith(one.prefix));
  await local(souk, "DELETE", `/api/v1/sdk-keys/${key.id}`, { "If-Match": `"${key.revision}"` });
}

/** Calls the API through the local socket. */
function local(souk, method, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const call = http.request({ socketPath: join(souk.data, "souk.sock"), method, path, headers }, async (answer) => {
      try {
        let text = "";
        for await (const part of answer) text += part;
        assert.ok(answer.statusCode < 300, `${method} ${path}: ${answer.statusCode} ${text}`);
        resolve(JSON.parse(text));
      } catch (error) {
        reject(error);
      }
    });
    call.once("error", reject);
    call.end();
  });
}
