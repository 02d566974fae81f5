import type { AudienceSize, RolloutStep } from "../api/types";
import { span } from "../model/time";

const people = (n: number) => (n === 1 ? "1 person" : `${n} people`);

const audienceWords = (audience: string) => (audience ? audience : "everybody");

export const flag = {
  listTitle: "App switches",
  listWords:
    "Every app has a switch (a feature flag) that turns it on for some, for all, or off for everybody.",
  search: "Search by name or key",
  key: "Switch",
  owner: "Owner",
  life: "Life",
  empty: "No app switches yet",
  noneWords: "A switch comes with an app: publish one, and its switch appears here.",
  publish: "Publish an app",
  ofApp: (app: string) => `Only of ${app}: show all`,
  words: (app: string, audience: string) => `The switch of ${app}, approved for ${audience}.`,
  environments: "Where it is on",
  updated: "changed",
  production: "production",
  kill: "Turn off for everybody",
  killIn: (environment: string) => `Turn off for everybody in ${environment}`,
  killWhat: (variant: string) =>
    `One click, at once: everybody in production gets “${variant}”, and running rollouts stop.`,
  killNoOff: (variant: string) =>
    variant
      ? `No off value is chosen. One click, at once: everybody in production gets its standard value “${variant}”, whatever its rules say.`
      : "No off value is chosen, and no standard value to fall back on. One click, at once: everybody in production gets what the app does by itself.",
  killNotImported: "It was not imported into production. Turned off now, it stays off when it is.",
  killEarly: "It is not approved yet and off everywhere. Turned off now, it stays off when it is.",
  killReason: "Reason (optional)",
  killDefault: "Turned off for everybody from the console",
  turnOff: "Turn off",
  uncommitted: "It is off, and is being written to the log.",
  killed: (environment: string) => `Turned off for everybody in ${environment}`,
  restore: "Turn on again",
  restoreIn: (environment: string) => `Turn on again in ${environment}`,
  restoreGoverned: "In production this makes a request that others approve.",
  restoreReason: "Why is it safe again? (optional)",
  restoreAsked: "Asked to turn it on again",
  restoreAskedWords: "Others decide on it, as on every change in production.",
  openRequest: "Open the request",
  notImported: "Not imported here: no client sees it.",
  ownerless: "Nobody yet: operators and administrators act for it",
  none: "none",
  imported: {
    title: (format: string) => `Imported from ${format}`,
    made: "Some programs do not get it",
    words: "It serves what its document says. To change that, change the document and import it again.",
    complete: "It lacks nothing.",
    next: "What it lacks",
    extend: "Choose until when it is kept",
    offNone: "no off value chosen",
    exports: (environment: string) => `Export ${environment}`,
    exportHelp: (environment: string) => `Download what ${environment} serves, as a flagd document`,
  },
  notLive: "Not approved yet: no client sees it.",
  rollout: "Rollout",
  pastRollouts: "Earlier rollouts",
  noRollout: "No rollout yet",
  noRolloutWords: "An approved request leaves one here, ready to start.",
  itsRequest: "Open its request",
  step: {
    label: (n: number) => `Step ${n}`,
    share: (percent: number, audience: string) =>
      percent === 100 && !audience ? "Everybody" : `${percent} % of ${audienceWords(audience)}`,
    /** What a step gives to whom: a share of an audience, or what it leads to. */
    gives(step: Pick<RolloutStep, "percent" | "audience" | "serving">): string {
      const { serving } = step;
      switch (serving?.mode) {
        case "custom":
          return serving.title
            ? serving.title.charAt(0).toUpperCase() + serving.title.slice(1)
            : flag.step.rules;
        case "audience":
          return flag.step.share(serving.percent ?? 0, serving.audience ?? "");
        case "on":
          return flag.step.share(100, "");
        case "off":
          return flag.step.nobody;
        case undefined:
          return flag.step.share(step.percent, step.audience ?? "");
      }
    },
    rules: "Whom its own rules name",
    nobody: "Nobody",
    where: (environment: string) => `in ${environment}`,
    after: (seconds: number, promote: "person" | "time") =>
      seconds === 0
        ? promote === "time"
          ? "Goes on at once"
          : "Goes on when an owner says so"
        : `Watched for ${span(seconds)}, then ${promote === "time" ? "goes on by itself" : "an owner decides"}`,
    pending: "To come",
    baking: "Now",
    promoted: "Done",
    aborted: "Stopped",
    left: (clock: string) => `${clock} left to watch`,
    baked: "Watched long enough",
    started: "started",
    endedBy: "went on by",
  },
  act: {
    start: "Start rollout",
    promote: "Go to the next step",
    pause: "Pause",
    resume: "Resume",
    abort: "Stop the rollout",
  },
  actHelp: {
    start: "The first step begins at once.",
    promote: "Say what you saw; it is recorded as the evidence.",
    early: "The step is still watched. Say why it cannot wait; it is recorded with your name.",
    pause: "The share stays as it is until you resume.",
    resume: "The step goes on where it stopped.",
    abort:
      "The rollout ends here for good and what people have now stays. To take it away from them, turn it off for everybody.",
  },
  unseen: {
    was: "Went to production although no app had asked for the switch:",
    waits: "No app has asked for this switch yet",
    waitsWords:
      "Its time is up. It goes to production by itself once an app has asked for it by its key, or when somebody says why it should all the same.",
    why: "Why it should go to production all the same",
    whyHelp:
      "A switch that no app asks for turns nothing on. What you say is shown with the rollout and in the log.",
  },
  actReason: { needed: "Reason", optional: "Reason (optional)", missing: "Say why first." },
  lifecycle: "Life",
  lifecycleWords: {
    proposed: "Waits for approval",
    approved: "Approved, not rolled out",
    staged: "Rolling out",
    active: "In full use",
    deprecated: "On its way out",
    removed: "Gone",
  },
  expires: "Its time is up",
  expiresNever: "never, unless somebody chooses a day",
  expiresLater: (days: number) => `${days} days after its first step in production`,
  ttl: "TTL",
  days: (n: number) => (n === 1 ? "1 day" : `${n} days`),
  about: "About",
  facts: {
    name: "Name",
    owner: "Owner",
    contact: "Contact",
    audience: "Audience",
    template: "Template",
    values: "Values",
    off: "When turned off",
    outside: "For everybody else",
    browsers: "In browsers",
    browsersYes: "Browser keys see it",
    browsersNo: "Only server keys see it",
    browsersWhy: "Its template decides that, for good: a value that was in a page once is no secret again.",
    id: "Id",
    plan: "Removal plan",
    created: "Created",
  },
  audienceSize: {
    /** How many people are in an audience, and were approved. */
    people: (one: Pick<AudienceSize, "people" | "approved">) =>
      one.approved === undefined
        ? people(one.people)
        : `${people(one.people)}, approved for ${people(one.approved)}`,
    outgrown: (one: Pick<AudienceSize, "title" | "people" | "approved">) =>
      `The audience “${one.title}” has ${people(one.people)} by now, and was approved for ${people(one.approved ?? 0)}`,
    why: "People joined its groups, which nobody has to approve.",
    look: "Look at who is in it",
    ask: (one: Pick<AudienceSize, "people">) => `Ask for ${people(one.people)}`,
    askTitle: (one: Pick<AudienceSize, "title" | "people">) =>
      `Ask for ${people(one.people)} in “${one.title}”?`,
    happens: [
      "A request is made, which others approve. Nobody gets more or less by it.",
      "Once it is approved, as many people as are in the audience then count as approved, for all its switches.",
    ],
  },
  tags: {
    title: "Tags",
    one: "Tag",
    label: "Words to find it by",
    help: "Switches with the same tag can be turned off together.",
  },
  history: "History",
  historyEmpty: "Nothing has changed yet.",
  columns: {
    what: "What",
    serves: "Serves",
    where: "Where",
    by: "By",
    when: "When",
    reason: "Reason",
    revision: "Revision",
  },
  allEnvironments: "Everywhere",
  filterEnvironment: "Environment",
  more: "Show earlier ones",
  serves: "Serves",
  age: "Age",
  within: (days: number) => `within ${days} days`,
  olderThan: (days: number) => `older than ${days} days`,
  compareHelp: "Choose two to see what differs between them.",
  compareRevision: (revision: number, environment: string) =>
    `Compare revision ${revision} in ${environment}`,
  compared: (from: number, to: number) => `From revision ${from} to ${to}`,
  sameRevisions: "Both serve the same.",
  servingWords(
    serving: { mode: string; percent?: number; audience?: string },
    flag: { on: string; off: string },
  ): string {
    switch (serving.mode) {
      case "on":
        return `on for everybody (“${flag.on}”)`;
      case "audience":
        return `“${flag.on}” for ${serving.percent ?? 0} % of ${serving.audience ?? "everybody"}`;
      case "custom":
        return "its own rules";
      default:
        return `off (“${flag.off}”)`;
    }
  },
  rollback: {
    act: "Roll back",
    in: (environment: string) => `Roll back in ${environment}`,
    toRevision: (revision: number, environment: string) =>
      `Roll back to revision ${revision} in ${environment}`,
    title: (flag: string, environment: string) => `Roll ${flag} back in ${environment}`,
    goes: (environment: string, revision: number, serves: string) =>
      `In ${environment}, people get what revision ${revision} served: ${serves}.`,
    goesLast: (environment: string) =>
      `In ${environment}, people get again what they got before the last change that was good.`,
    when: "At once where that was approved and reaches no more people than now; else others are asked first.",
  },
  definition: "What SDKs get",
  definitionWords: "The definition in flagd's format.",
  curl: "Ask it yourself",
  curlWords:
    "Any OpenFeature client reads it over OFREP. You need an SDK key: souk sdk-key create prints one.",
};
