const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** How long a step of a template watches, in seconds: a whole number and s, m, h or d; anything else is no time. */
export function bakeSeconds(bake: string): number {
  const [, count, unit = ""] = /^(\d+)([smhd])$/.exec(bake.trim()) ?? [];
  return count ? Number(count) * (units[unit] ?? 0) : 0;
}
