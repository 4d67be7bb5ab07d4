/** The tab says how many alerts are open, also when another page is in front. */

const SIZE_PX = 64;

/** An icon as a data address: the hub's own, with a red count, or grey when blind. */
export function iconAddress(count: number, blind: boolean): string {
  if (count === 0 && !blind) return "/icon.svg";
  const label = blind ? "?" : count > 9 ? "9+" : String(count);
  const fill = blind ? "#6b6b6b" : "#c8102e";
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE_PX} ${SIZE_PX}">` +
    `<circle cx="32" cy="32" r="32" fill="${fill}"/><text x="32" y="46" font-family="sans-serif" ` +
    `font-size="40" font-weight="700" text-anchor="middle" fill="#fff">${label}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

export function setIcon(count: number, blind: boolean): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const address = iconAddress(count, blind);
  if (link !== null && link.getAttribute("href") !== address) link.setAttribute("href", address);
}
