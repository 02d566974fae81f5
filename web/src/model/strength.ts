/** The fewest and the most characters of a password; the server holds the same. */
export const least = 12;
export const most = 200;

/** What is to be said of a password while it is typed. Only fair and good pass here; the server has the last word. */
export type Strength =
  | { word: "empty" | "long" | "own" | "plain" | "common" | "fair" | "good" }
  | { word: "short"; missing: number };

const common = [
  "password",
  "passwort",
  "qwerty",
  "qwertz",
  "azerty",
  "letmein",
  "welcome",
  "iloveyou",
  "admin",
];

/** Judges a password by what a guesser would try first. The about are the person's own e-mail and name. */
export function strengthOf(password: string, about: string[]): Strength {
  const letters = [...password];
  if (letters.length === 0) return { word: "empty" };
  if (letters.length < least) return { word: "short", missing: least - letters.length };
  if (letters.length > most) return { word: "long" };
  const flat = password.toLowerCase();
  const own = about
    .flatMap((word) => [word, word.replace(/@.*$/, "")])
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word.length > 2);
  if (own.some((word) => flat.replaceAll(word, "").length < 4)) return { word: "own" };
  if (new Set(flat).size < 5 || isRun(flat)) return { word: "plain" };
  if (common.some((word) => flat.startsWith(word) && flat.length - word.length < 6))
    return { word: "common" };
  return { word: letters.length >= 20 || (letters.length >= 16 && kinds(password) >= 3) ? "good" : "fair" };
}

/** Whether most neighbours follow each other, as in 123456789012 or abcdefghijkl. */
function isRun(text: string): boolean {
  let steps = 0;
  for (let i = 1; i < text.length; i++) {
    if (Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1)) <= 1) steps++;
  }
  return steps > (text.length - 1) * 0.7;
}

const kinds = (text: string): number =>
  [/\p{Ll}/u, /\p{Lu}/u, /\d/, /[^\p{L}\d]/u].filter((kind) => kind.test(text)).length;

export const passes = (strength: Strength): boolean => strength.word === "fair" || strength.word === "good";
