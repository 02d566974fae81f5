import { defineConfig } from "@playwright/test";
import e2e from "./playwright.config";

// `make pictures`: takes the pictures of README and docs from the demo.
export default defineConfig({ ...e2e, testDir: "pictures", retries: 0 });
