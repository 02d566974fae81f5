// Sets the colour scheme before the first paint. A file of its own, since the policy allows no script inside the page.
(() => {
  let choice = "auto";
  try {
    choice = localStorage.getItem("souk-color-scheme") || "auto";
  } catch {
    // Storage may be forbidden; the system's scheme is right then.
  }
  const dark =
    choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.mantineColorScheme = dark ? "dark" : "light";
})();
