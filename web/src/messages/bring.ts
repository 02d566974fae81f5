import { count, list } from "../model/text";

/** Flags of another system, and who answers for them. */
export const bring = {
  lacksTitle: "What flags lack",
  lacksWords:
    "Every flag should have somebody who answers for it, somebody to ask, a time after which it goes, and a value for when it is turned off.",
  lack: { owner: "an owner", contact: "a contact", ttl: "a TTL", kill: "an off value" },
  lacksShort: "Lacks",
  filter: "Lacks",
  used: "Asked for in 7 days",
  flag: "Flag",
  owner: "Owner",
  choose: "Choose",
  chooseOne: (key: string) => `Choose ${key}`,
  chooseAll: (flags: number) => (flags === 1 ? "Choose the one shown" : `Choose all ${flags} shown`),
  chooseNone: "Choose none",
  complete: "Nothing is missing",
  completeWords: "Every flag has an owner, a contact, a TTL and an off value.",
  share: (complete: number, flags: number) => `${complete} of ${count(flags, "flag")} lack nothing.`,
  counts: (now: { no_owner: number; no_contact: number; no_ttl: number; no_kill: number }) =>
    list(
      (
        [
          [now.no_owner, "an owner"],
          [now.no_contact, "a contact"],
          [now.no_ttl, "a TTL"],
          [now.no_kill, "an off value"],
        ] as const
      )
        .filter(([flags]) => flags > 0)
        .map(([flags, what]) => `${flags} ${flags === 1 ? "lacks" : "lack"} ${what}`),
    ),
  progress: "Over time",
  progressOf: "Flags that lack something, and flags that lack nothing, day by day",
  lackNothing: "Lack nothing",
  lackSomething: "Lack something",
  asTable: "As a table",
  day: "Day",
  dayWords: (day: string, lacking: number, flags: number) => `${day}: ${lacking} of ${flags} lack something`,
  give: "Give them what they lack",
  giveWords: (flags: number) =>
    flags === 0
      ? "Choose flags below, and say here what they are to have."
      : `${count(flags, "flag")} chosen. What is left empty stays as it is.`,
  ownerLabel: "Owner",
  ownerHelp: "A team that answers for them",
  contactLabel: "Contact",
  contactHelp: "Whom to ask: an address or a channel",
  ttlLabel: "TTL in days",
  ttlHelp: "From now on, where there is none",
  offLabel: "Off value",
  offHelp: "The variant that everybody gets when it is turned off",
  reasonLabel: "Reason",
  reasonHelp: "For the log, and for those who approve it",
  save: (flags: number) =>
    flags === 0 ? "Give it to the chosen flags" : `Give it to ${count(flags, "flag")}`,
  saved: (flags: number) => `${count(flags, "flag")} got it`,
  asked: "Others approve it first",
  askedWords: "Some of the flags are live where changes need a request.",
  openRequest: "Open the request",
  left: "What could not be given",

  importTitle: "Import flags",
  importWords:
    "Takes flags of another system over, with their keys. At first into the sandbox; where others approve, it becomes a request.",
  formats: {
    flagd: "flagd",
    launchdarkly: "LaunchDarkly",
    unleash: "Unleash",
    goff: "GO Feature Flag",
    flipt: "Flipt",
    growthbook: "GrowthBook",
    csv: "CSV",
  },
  format: "Format",
  into: "Into",
  document: "Document",
  documentHelp: "The file with the flags: JSON, YAML or CSV",
  file: "Choose a file",
  map: "Who answers for them",
  mapHelp:
    "A CSV file with key and any of app, owner, contact, ttl_days, tags, off_variant; it may be left out",
  from: "Environment of the document",
  fromHelp: "Only if it has several",
  look: "See what would happen",
  act: (flags: number) => `Import ${count(flags, "flag")}`,
  counted: (counts: Record<string, number>) =>
    `${counts.create ?? 0} new, ${counts.update ?? 0} changed, ${counts.keep ?? 0} as they are, ${counts.refuse ?? 0} not taken`,
  nothing: "Nothing of it is new",
  refused: "Not taken",
  report: "What is not as it was, or is missing",
  of: (keys: string[]) =>
    keys.length > 3 ? `${keys.slice(0, 3).join(", ")} and ${keys.length - 3} more` : keys.join(", "),
  done: (environment: string) => `${environment} serves them`,
  seeFlags: "See the flags",
};
