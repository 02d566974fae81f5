/**
 * Takes the secret of a one-time link out of the address, which forgets it at once: neither the history nor a screenshot
 * nor whoever looks over a shoulder finds it there. It lives on in the memory of the page alone.
 */
export function takeSecret(): string {
  const secret = secretOf(window.location.hash);
  if (window.location.hash) window.history.replaceState(window.history.state, "", window.location.pathname);
  return secret;
}

/** The secret in a fragment; mail programs like to add what does not belong to it. */
export function secretOf(hash: string): string {
  return /^#\s*([A-Za-z0-9_-]+)/.exec(decoded(hash))?.[1] ?? "";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
