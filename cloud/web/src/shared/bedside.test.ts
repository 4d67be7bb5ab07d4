import { beforeEach, expect, it, vi } from "vitest";

import { keepForBedside } from "./bedside";

/** As much of a browser's caches as is used here: jsdom has none. */
function someCaches() {
  const all = new Map<string, Map<string, string>>();
  const open = (name: string) => {
    const held = all.get(name) ?? new Map<string, string>();
    all.set(name, held);
    return Promise.resolve({
      keys: () => Promise.resolve([...held.keys()].map((url) => ({ url }))),
      addAll: (urls: string[]) => {
        for (const url of urls) held.set(url, "asset");
        return Promise.resolve();
      },
      put: async (url: string, answer: Response) => {
        held.set(url, await answer.text());
      },
    });
  };
  vi.stubGlobal("caches", {
    open,
    keys: () => Promise.resolve([...all.keys()]),
    delete: (name: string) => Promise.resolve(all.delete(name)),
  });
  return all;
}

const htmlOf = (build: string) => `<script type="module" src="/assets/index-${build}.js"></script>`;

function running(build: string, served = build): void {
  document.head.innerHTML = htmlOf(build);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(htmlOf(served))));
}

let held: ReturnType<typeof someCaches>;
beforeEach(() => {
  held = someCaches();
});

it("puts the page by with its scripts", async () => {
  running("one");
  await keepForBedside();
  expect([...held.keys()]).toEqual(["bedside-/assets/index-one.js"]);
  const [kept] = [...held.values()];
  expect(kept?.get("/index.html")).toBe(htmlOf("one"));
  expect([...(kept?.keys() ?? [])]).toContain(`${location.origin}/assets/index-one.js`);
});

it("drops what an older build left, once the newer one is complete", async () => {
  running("one");
  await keepForBedside();
  running("two");
  await keepForBedside();
  expect([...held.keys()]).toEqual(["bedside-/assets/index-two.js"]);
});

it("keeps the build that runs while a newer one is served already", async () => {
  running("one");
  await keepForBedside();
  running("one", "two");
  await keepForBedside();
  const [kept] = [...held.values()];
  expect(kept?.get("/index.html")).toBe(htmlOf("one"));
});
