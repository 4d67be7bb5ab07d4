import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the cloud; the built pages are served by the cloud itself.
const cloudUrl = process.env.YUYUE_CLOUD_URL ?? "http://127.0.0.1:8000";

// A browser asks for six files at a time over HTTP/1.1: on a slow line many small ones cost more in
// waits than in bytes. So what every page starts with is one file, and our own small pieces another.
const GROUPS = [
  { name: "ground", tags: ["$initial" as const], priority: 2 },
  { name: "common", test: /\/src\/(shared|api|duty)\/|@tanstack/, minShareCount: 3, priority: 1 },
];

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy: { "/api": { target: cloudUrl } } },
  preview: { host: "127.0.0.1", proxy: { "/api": { target: cloudUrl } } },
  build: {
    target: "es2022",
    manifest: true,
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups: GROUPS } } },
  },
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
