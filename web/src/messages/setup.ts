/** The checklist of the first administrator. */
export const setup = {
  title: "Set up Souk",
  words:
    "Each step leads to the place where it is done and ticks itself when it is. The order is only a suggestion.",
  progress: (done: number, of: number) => `${done} of ${of} done`,
  done: "Done",
  open: "To do",
  go: "Go there",
  goName: (what: string) => `Go there: ${what}`,
  all: "Souk is ready for your company",
  allWords:
    "Everything on this list is done. Home shows what waits for you; this page stays under Administration.",
  toHome: "Go to Home",
  noAccessWords: "Administrators set Souk up.",
  how: {
    title: "How an app gets published",
    steps: [
      "Somebody describes an app and who may see it, in a form.",
      "Souk checks it at once and says at each field what is missing.",
      "The right people approve it. Nobody approves what they asked for themselves.",
      "It goes to a few people first, then to more. One click turns it off for everybody.",
    ],
  },
  back: (done: number, of: number) => `Set-up checklist: ${done} of ${of} done`,
};
