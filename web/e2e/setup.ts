import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FullConfig } from "@playwright/test";

const started = 60_000;

/** Starts the demo on an empty directory, waits until it is ready, and stops it when the tests are done. */
export default async function setup(config: FullConfig): Promise<() => Promise<void>> {
  const base = config.projects[0]?.use.baseURL ?? "";
  const data = mkdtempSync(join(tmpdir(), "souk-e2e-"));
  const binary = process.env.E2E_BINARY ?? join(config.rootDir, "../../bin/souk");
  const demo = spawn(binary, ["demo", "--addr", `:${new URL(base).port}`, "--data", data], { stdio: "pipe" });
  let told = "";
  demo.stdout.on("data", (text) => {
    told += text;
  });
  demo.stderr.on("data", (text) => {
    told += text;
  });
  const ended = new Promise<void>((resolve) => demo.once("exit", () => resolve()));
  await ready(base, demo, () => told);
  process.env.E2E_DATA = data;
  process.env.E2E_BINARY = binary;
  return async () => {
    demo.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
}

async function ready(base: string, demo: ChildProcess, told: () => string): Promise<void> {
  const end = Date.now() + started;
  while (Date.now() < end) {
    if (demo.exitCode !== null) throw new Error(`souk demo ended with ${demo.exitCode}:\n${told()}`);
    const answer = await fetch(`${base}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  demo.kill("SIGKILL");
  throw new Error(`souk demo was not ready within ${started / 1000} s:\n${told()}`);
}
