import { list } from "../model/text";

/** What the shared pieces say: lists, forms, differences, confirmations, secrets. */
export const pieces = {
  list: {
    more: "Show more",
    shown: (n: number, more: boolean) =>
      more ? `${n} shown, there are more` : n === 1 ? "1 found" : `${n} found`,
    sortBy: "Sort by",
    filters: "Filters",
    clear: "Clear all filters",
    any: "Any",
    noMatch: "Nothing matches",
    noMatchWords: "Try other words, or look at everything again.",
    pause: "Pause",
    resume: "Go on",
    paused: (n: number) =>
      n === 0
        ? "Paused: nothing has changed since."
        : `Paused: ${n === 1 ? "1 change" : `${n} changes`} since.`,
    live: "Live",
  },
  access: {
    ask: (who: string[]) => `Ask ${list(who, "or")}.`,
    askAdmins: "Ask an administrator to add you to a group that may.",
  },
  fix: "Fix it for me",
  fixName: (what: string) => `Fix it for me: ${what}`,
  save: {
    save: "Save",
    discard: "Discard",
    unsaved: "You have changes that are not saved yet.",
    mend: (n: number) =>
      n === 1 ? "1 thing to mend before it can be saved." : `${n} things to mend before it can be saved.`,
    leave: "Leave without saving?",
    leaveWords: "What you typed here is lost when you leave.",
    stay: "Stay here",
    go: "Leave",
  },
  stale: {
    title: "Somebody else changed this meanwhile",
    words: "What you typed is still here. This is how the two differ:",
    same: "Both say the same: nothing of yours is lost.",
    field: "What",
    theirs: "Now",
    yours: "Yours",
    keep: "Keep mine",
    take: "Take theirs",
    empty: "nothing",
  },
  diff: {
    label: "How to show the changes",
    words: "In words",
    json: "As JSON",
    before: "Before",
    after: "After",
    of: (path: string) => `Change of ${path}`,
    same: "Nothing changes.",
    unchanged: (n: number) => (n === 1 ? "1 line the same" : `${n} lines the same`),
  },
  confirm: {
    reason: "Reason",
    reasonOptional: "Reason (optional)",
    needReason: "Say why first.",
    happens: "What happens",
    type: (what: string) => `Type ${what} to confirm`,
    typeWrong: (what: string) => `This is not ${what} yet.`,
  },
  secret: {
    once: "It is shown this once. Copy it now and keep it where only you can read it.",
    kept: "I have kept it",
  },
};
