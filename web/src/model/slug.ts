/** Proposes a slug for a name: lower-case letters, digits and single hyphens, at most 40 characters, a letter first. */
export function slugOf(name: string): string {
  return plain(name)
    .replace(/^[^a-z]+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
}

/** The form in which a tag is kept: lower-case letters, digits and single hyphens, at most 63 characters. */
export function tagOf(word: string): string {
  return plain(word).replace(/^-/, "").slice(0, 63).replace(/-+$/, "");
}

const plain = (text: string) =>
  text
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "")
    .replace(/ß/g, "ss")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");

/** The key that a flag of this app and name will have, or "" while one of them is missing. */
export function flagKeyOf(appSlug: string, flagName: string): string {
  const name = slugOf(flagName);
  return appSlug && name ? `${appSlug}.${name}` : "";
}
