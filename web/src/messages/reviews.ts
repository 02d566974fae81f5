/** The queue of an approver. */
export const reviews = {
  title: "Reviews",
  words: "What waits for a decision, the oldest first. Open one to see everything it changes on one screen.",
  tabs: {
    waiting: "Waiting for me",
    delegated: "Delegated to me",
    open: "All that wait",
    decided: "Decided by me",
  },
  search: "Search by app, switch or person",
  risk: "Risk",
  kind: "Kind",
  by: (who: string) => `asked for by ${who}`,
  columns: {
    what: "Request",
    risk: "Risk",
    needs: "Still needs",
    state: "State",
    waits: "Waiting since",
    changed: "Last change",
  },
  none: "Nothing waits for you",
  noneWords: "Requests that you can decide on appear here, and on Home.",
  noneDecided: "You have decided on nothing yet",
  noneDecidedWords: "What you approve or deny stays here, with how it went on.",
  keys: "Keys: j and k go from request to request, Enter opens one; there, a approves and d denies.",
};
