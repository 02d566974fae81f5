import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A demo that runs for tests, and how it ends. */
export interface Server {
  url: string;
  data: string;
  binary: string;
  stop: () => Promise<void>;
}

const patience = 60_000;
export const firstPort = Number(process.env.E2E_PORT ?? 18471);

/** Starts the real binary's demo on an empty directory and waits until it is ready. */
export async function start(port: number): Promise<Server> {
  const { E2E_URL: url, E2E_DATA: data = "", E2E_BINARY: binary = "" } = process.env;
  if (url) return { url, data, binary, stop: async () => undefined }; // one that runs already, while one works on a screen
  return launch(port);
}

async function launch(port: number): Promise<Server> {
  const data = mkdtempSync(join(tmpdir(), "souk-e2e-"));
  const binary = process.env.E2E_BINARY ?? join(import.meta.dirname, "../../bin/souk");
  const demo = spawn(binary, ["demo", "--addr", `:${port}`, "--data", data], { stdio: "pipe" });
  let told = "";
  demo.stdout.on("data", (text) => {
    told += text;
  });
  demo.stderr.on("data", (text) => {
    told += text;
  });
  const ended = new Promise<void>((resolve) => demo.once("exit", () => resolve()));
  const url = `http://localhost:${port}`;
  const end = Date.now() + patience;
  for (;;) {
    if (demo.exitCode !== null) throw new Error(`souk demo ended with ${demo.exitCode}:\n${told}`);
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) break;
    if (Date.now() > end) {
      demo.kill("SIGKILL");
      throw new Error(`souk demo was not ready within ${patience / 1000} s:\n${told}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url,
    data,
    binary,
    async stop() {
      demo.kill("SIGTERM");
      await ended;
      rmSync(data, { recursive: true, force: true });
    },
  };
}
