import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the cloud; the built pages are served by the cloud itself.
const cloudUrl = process.env.YUYUE_CLOUD_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy: { "/api": { target: cloudUrl } } },
  preview: { host: "127.0.0.1", proxy: { "/api": { target: cloudUrl } } },
  build: { target: "es2022", manifest: true, reportCompressedSize: false },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    unstubGlobals: true,
    // Build machines share two cores among many processes.
    testTimeout: 20_000,
  },
});
