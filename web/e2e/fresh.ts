import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstPort } from "./server";

/** A new installation: nobody in it yet. */
export interface Fresh {
  url: string;
  /** The one-time link that makes the first administrator, as the server printed it. */
  link: string;
  stop: () => Promise<void>;
}

const patience = 30_000;

/** Starts souk serve on an empty directory, as a company would on its first day. */
export async function startFresh(nth: number): Promise<Fresh> {
  const data = mkdtempSync(join(tmpdir(), "souk-fresh-"));
  const binary = process.env.E2E_BINARY ?? join(import.meta.dirname, "../../bin/souk");
  const url = `http://localhost:${firstPort + 100 + nth}`;
  const server = spawn(binary, ["serve", "--addr", url.replace("http://", ""), "--data", join(data, "souk")]);
  let told = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.on("data", (text) => {
      told += text;
    });
  }
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const end = Date.now() + patience;
  for (;;) {
    const link = /http\S+\/join#\S+/.exec(told)?.[0];
    if (link && (await fetch(`${url}/readyz`).catch(() => null))?.ok) {
      const stop = async () => {
        server.kill("SIGTERM");
        await ended;
        rmSync(data, { recursive: true, force: true });
      };
      return { url, link, stop };
    }
    if (server.exitCode !== null || Date.now() > end) {
      server.kill("SIGKILL");
      throw new Error(`souk serve gave no set-up link:\n${told}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
