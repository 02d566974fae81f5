/** Extend, deprecate, remove: the forms that ask for it. */
export const life = {
  act: { extend_ttl: "Extend", deprecate: "Retire", remove: "Remove" },
  title: {
    extend_ttl: "Give it more time",
    deprecate: "Retire it",
    remove: "Remove it",
  },
  ofFlag: (act: string, flag: string) => `${act}: ${flag}`,
  words: {
    extend_ttl: "It goes on as it is until the day you choose.",
    deprecate:
      "People keep what they have for now. It can no longer be changed, only turned off, extended or removed, so that nobody comes to depend on it any more.",
    remove:
      "Apps that still ask for it get the default in their own code. This cannot be undone; its history stays.",
  },
  until: "Keep it until",
  now: (day: string) => `At the moment its time is up on ${day}.`,
  plan: "Removal plan",
  planHelp: "Who takes the switch out of the code, when, and what replaces it.",
  submit: "Ask for it",
  back: "Back to the switch",
  asked: "Asked for",
  can: "What can be done",
};
