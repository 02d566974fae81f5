/** The command palette. */
export const palette = {
  title: "Find anything",
  input: "Find apps, switches, requests, people, or what you can do",
  groups: {
    actions: "Go to and do",
    apps: "Apps",
    flags: "App switches",
    requests: "Requests",
    people: "People",
  },
  publish: "Publish an app",
  light: "Light colours",
  dark: "Dark colours",
  auto: "Colours as the system has them",
  none: (q: string) => `Nothing is called “${q}”`,
  noneWords: "Try fewer letters. You find apps, switches, requests and people by their names.",
  found: (n: number) => (n === 1 ? "1 found" : `${n} found`),
  hint: "Arrow keys choose, Enter opens, Escape closes.",
};
