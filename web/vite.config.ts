import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { budget } from "./scripts/budget.ts";
import { preload } from "./scripts/preload.ts";

const server = process.env.SOUK_URL ?? "http://localhost:8080";

export default defineConfig({
  // The server puts the nonce of each response's Content-Security-Policy in the place of this text.
  html: { cspNonce: "__CSP_NONCE__" },
  plugins: [
    react(),
    preload("inter-latin-wght-normal"),
    budget({ page: "src/pages/HomePage.tsx", kilobytes: 250, weights: "scripts/weights.json" }),
  ],
  build: {
    assetsInlineLimit: 0, // the policy allows no data: fonts or scripts
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: "es2022",
  },
  test: { include: ["src/**/*.test.ts"], testTimeout: 30_000 }, // a busy machine is no failure
  server: {
    proxy: Object.fromEntries(["/api", "/ofrep", "/healthz", "/readyz"].map((path) => [path, server])),
  },
});
