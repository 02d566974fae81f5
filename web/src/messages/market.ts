import { count } from "../model/text";

/** The marketplace and the screen of one app. */
export const market = {
  title: "Apps",
  words: "Small apps that colleagues made. Find one, open it, and see whom to ask about it.",
  search: "Search apps by name, purpose or team",
  publish: "Publish an app",
  all: "All",
  categories: "Categories",
  owner: "Team",
  status: "Status",
  sort: "Order",
  sorts: {
    best: "Best match",
    created: "Newest first",
    updated: "Last changed first",
    name: "By name",
  } as Record<string, string>,
  none: "No apps yet",
  noneWords:
    "The first one could be yours: publishing takes a few minutes, and you are told what is missing as you type.",
  noMatch: (q: string) => (q ? `No app matches “${q}”` : "No app matches"),
  noMatchWords: "Typing errors are forgiven, so there is probably none. Look at all of them, or publish one.",
  open: "Open",
  openApp: (name: string) => `Open ${name} in a new tab`,
  by: (team: string) => `By ${team}`,
  contact: (address: string) => `Contact: ${address}`,
  states: {
    live: "Live",
    rolling_out: "Rolling out",
    off: "Off",
    waiting: "Waiting for approval",
    retired: "Retired",
  },
  found: (n: number) => (n === 1 ? "1 app" : `${n} apps`),
};

export const app = {
  back: "All apps",
  open: "Open the app",
  change: "Change details",
  addSwitch: "Add a switch",
  kill: "Turn off for everybody",
  killApp: (name: string) => `Turn ${name} off for everybody`,
  killWords: (name: string, environment: string, switches: number) =>
    switches === 1
      ? `One click, at once: nobody in ${environment} gets ${name} any more, and its rollout stops. It can be turned on again with others' approval.`
      : `One click, at once: all ${switches} switches of ${name} are off for everybody in ${environment}, and their rollouts stop. They can be turned on again with others' approval.`,
  killReason: "Reason (optional)",
  killDefault: (name: string) => `${name} turned off for everybody from the console`,
  killed: (name: string, environment: string) => `${name} is turned off for everybody in ${environment}`,
  killedSome: (n: number, environment: string) =>
    `${count(n, "switch", "switches")} of it turned off for everybody in ${environment}`,
  killedWords: "Open the switch to see why, and to ask for it to be turned on again.",
  about: "About",
  owner: "Team",
  people: "Who is in it",
  contact: "Whom to ask",
  category: "Category",
  address: "Address",
  slug: "Short name",
  since: "Here since",
  changed: "Last changed",
  switches: "Switches",
  noSwitches: "No switches",
  noSwitchesWords: "A switch turns a part of the app on for some, for all, or off for everybody.",
  requests: "Open requests",
  history: "History",
  noHistory: "Nothing happened yet.",
  expires: "its time is up",
  notListed: "Only its team sees it here until its publishing is approved.",
  earlier: (n: number) => `Show ${n} earlier`,
  more: (n: number) => (n === 1 ? "and 1 more" : `and ${n} more`),
};
