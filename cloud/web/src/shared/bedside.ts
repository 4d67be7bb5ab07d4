/** What a page needs to open again at a bedside where there is no network.
 *
 * The page and its scripts are put by for the service worker (public/sw.js), which answers with
 * them for the assessment pages only, and only where the network does not. No record is among
 * them; what was filled in is kept apart (care/assessment/drafts.ts). Each build of the page has a
 * cache of its own: a page beside the scripts of another would not start.
 */
const CACHE_PREFIX = "bedside-";
const PAGE = "/index.html";
// That somebody was signed in here and has not signed out: nobody else is shown their drafts.
const SIGN = "yuyue.bedside";

const isAsset = (address: string): boolean => {
  const url = new URL(address, location.origin);
  return url.origin === location.origin && url.pathname.startsWith("/assets/");
};

function assetsOfThisPage(): string[] {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const tags = [...document.querySelectorAll<HTMLScriptElement | HTMLLinkElement>("script[src], link[href]")];
  const named = tags.map((tag) => ("src" in tag ? tag.src : tag.href));
  return [...new Set([...loaded, ...named].filter(isAsset))];
}

/** The entry's name has the build's content in it. */
const entryScript = (): string | undefined =>
  document.querySelector<HTMLScriptElement>('script[type="module"][src]')?.src;

/** Put this page by. Never fails: without a cache the page is as good as it was before. */
export async function keepForBedside(): Promise<void> {
  try {
    localStorage.setItem(SIGN, "1");
    const entry = entryScript();
    if (!("caches" in globalThis) || entry === undefined) return;
    const build = new URL(entry).pathname;
    const page = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    // A newer build is out: it is put by when it is the one that runs.
    if (!page.ok || !(await page.clone().text()).includes(build)) return;
    const name = CACHE_PREFIX + build;
    const cache = await caches.open(name);
    const held = (await cache.keys()).map(({ url }) => url);
    await cache.addAll(assetsOfThisPage().filter((url) => !held.includes(url)));
    await cache.put(PAGE, page);
    const others = (await caches.keys()).filter((each) => each.startsWith(CACHE_PREFIX) && each !== name);
    await Promise.all(others.map((each) => caches.delete(each)));
  } catch {
    // No room, no network, or a browser that forbids it.
  }
}

export const mayOpenOffline = (): boolean => {
  try {
    return localStorage.getItem(SIGN) !== null;
  } catch {
    return false;
  }
};

/** At sign-out: a page without a network is nobody's from now on. */
export function forgetBedside(): void {
  try {
    localStorage.removeItem(SIGN);
  } catch {
    // Forbidden here, so it was never there.
  }
}
