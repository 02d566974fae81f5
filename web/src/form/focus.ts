/** Puts the focus into the first of these fields that stands on the page. */
export function focusField(paths: string[]): void {
  for (const path of paths) {
    const place = document.getElementById(path);
    if (!place) continue;
    const inner = place.matches("input, textarea, button, select")
      ? place
      : place.querySelector<HTMLElement>("input");
    (inner ?? place).focus();
    return;
  }
}
