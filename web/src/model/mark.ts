const hues = 6;

/** Which of the colours of tokens.css an app has, for ever the same for its slug. */
export function hueOf(slug: string): number {
  let hash = 2_166_136_261; // FNV-1a, which tells short slugs apart
  for (const char of slug) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return (hash >>> 0) % hues;
}

/** Two letters for a name: the initials of its first two words, or capitals and digits, or its beginning. */
export function markOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const inner = (words[0] ?? "").match(/\p{Lu}|\d/gu) ?? [];
  const letters =
    words.length > 1 ? words.map((word) => [...word][0]) : inner.length > 1 ? inner : [...(words[0] ?? "")];
  const [first = "", second = ""] = letters;
  return (
    first.toUpperCase() + (words.length > 1 || inner.length > 1 ? second.toUpperCase() : second.toLowerCase())
  );
}
