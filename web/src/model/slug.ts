/** Proposes a slug for a name: lower-case letters, digits and single hyphens, at most 40 characters, a letter first. */
export function slugOf(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "")
    .replace(/ß/g, "ss")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
}

/** The key that a flag of this app and name will have, or "" while one of them is missing. */
export function flagKeyOf(appSlug: string, flagName: string): string {
  const name = slugOf(flagName);
  return appSlug && name ? `${appSlug}.${name}` : "";
}
