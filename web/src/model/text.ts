/** Makes a message of the server a sentence: a capital first, a full stop last. Code-like beginnings stay as they are. */
export function sentence(words: string): string {
  const text = words.trim();
  if (!text) return "";
  const first = /^[a-z]+(?=[\s,])/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?:…]$/.test(first) ? first : `${first}.`;
}

/** Up to two initials of a name. */
export function initials(name: string): string {
  const words = name.split(/[\s@._-]+/).filter(Boolean);
  return words
    .slice(0, 2)
    .map((word) => (word[0] ?? "").toUpperCase())
    .join("");
}

/** The part of an e-mail address that people call each other by; anything else stays. */
export const shortName = (email: string): string => email.replace(/@.*$/, "");

/** "a", "a and b", "a, b and c". */
export function list(words: readonly string[], and = "and"): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${and} ${words.at(-1)}`;
}

/** A number as people read it. */
export const number = (n: number): string => n.toLocaleString("en");

/** A number with its word: "1 person", "3 people". */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
