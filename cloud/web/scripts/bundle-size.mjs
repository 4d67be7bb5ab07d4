// Prints what the browser loads before the first view of each page, gzipped, and fails over budget.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

// A duty phone on a poor 3G line (about 100 kB/s) then has the page in some 3 s.
const BUDGET_KB = 300;
// A browser asks for six at a time over HTTP/1.1, and each round of six is a wait of the line.
const BUDGET_FILES = 18;
const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");
const manifest = JSON.parse(readFileSync(join(dist, ".vite", "manifest.json"), "utf8"));

function files(key, seen = new Set()) {
  const entry = manifest[key];
  for (const file of [entry.file, ...(entry.css ?? [])]) seen.add(file);
  for (const imported of entry.imports ?? []) if (!seen.has(manifest[imported].file)) files(imported, seen);
  return seen;
}
const gzipKb = (names) =>
  [...names].reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name))).length, 0) / 1000;

const entry = files("index.html");
let over = false;
for (const page of ["src/login/LoginPage.tsx", "src/duty/DutyPage.tsx", "src/operator/index.tsx"]) {
  const first = new Set([...entry, ...files(page)]);
  const kb = gzipKb(first);
  over ||= kb > BUDGET_KB || first.size > BUDGET_FILES;
  console.log(
    `${page}: ${kb.toFixed(0)} kB gzip in ${first.size} files before the first view` +
      ` (budget ${BUDGET_KB} kB, ${BUDGET_FILES} files)`,
  );
}
const all = new Set(Object.keys(manifest).flatMap((key) => [...files(key)]));
console.log(`everything: ${gzipKb(all).toFixed(0)} kB gzip`);
if (over) process.exit(1);
