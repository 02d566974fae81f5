import type { SDKKey, Token } from "../api/types";

export type Standing = "good" | "ending" | "ended" | "revoked";

/** How a token or a key stands at a moment; what ends within two weeks is ending. */
export function standing(one: Pick<Token | SDKKey, "expires_at" | "revoked_at">, now: Date): Standing {
  if (one.revoked_at) return "revoked";
  if (!one.expires_at) return "good";
  const left = new Date(one.expires_at).getTime() - now.getTime();
  if (left <= 0) return "ended";
  return left < 14 * 86_400_000 ? "ending" : "good";
}

/** What a key may ask of each replica where it has no limits of its own. */
export const standardLimits = { requests_per_second: 100_000, max_streams: 50_000 };

/** Origins as people type them, one a line or parted by commas, without what browsers leave out. */
export const originsOf = (text: string): string[] => [
  ...new Set(
    text
      .split(/[\s,]+/)
      .map((origin) => origin.trim().replace(/\/+$/, ""))
      .filter(Boolean),
  ),
];

/** What is wrong with an origin of a browser key; nothing when a browser may send it. */
export function wrongOrigin(origin: string): "scheme" | "path" | "form" | undefined {
  if (!/^https?:\/\//i.test(origin)) return "scheme";
  try {
    const url = new URL(origin);
    if (url.username || url.password || origin.includes("*")) return "form";
    return url.origin.toLowerCase() === origin.toLowerCase() ? undefined : "path";
  } catch {
    return "form";
  }
}
