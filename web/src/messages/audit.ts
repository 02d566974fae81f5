import { events } from "./events";

export const audit = {
  title: "Audit",
  words:
    "Everything that happened, newest first. Nobody can rewrite it, and you can prove that without this server.",
  noAccessWords:
    "Auditors and administrators read the audit log. Ask an administrator to add you to a group with the role auditor.",
  filters: "Filters",
  flag: "Switch",
  actor: "Person",
  event: "Event",
  app: "App",
  request: "Request",
  from: "From",
  to: "Until",
  search: "Search in words and reasons",
  kinds: {
    "app.*": "Everything about apps",
    "flag.*": "Everything about switches",
    "request.*": "Everything about requests",
    "rollout.*": "Everything about rollouts",
    "person.*": "Everything about people",
    "group.*": "Everything about groups",
    "policy.*": "Everything about policies",
    "template.*": "Everything about templates",
    "token.*": "Everything about API tokens",
    "sdk_key.*": "Everything about SDK keys",
  } as Record<string, string>,
  clear: "Clear all filters",
  live: "Live",
  columns: { leaf: "No.", event: "What", about: "About", actor: "By", at: "When", reason: "Reason" },
  soon: "soon",
  older: "Show earlier events",
  none: "Nothing has happened yet",
  noneWords: "Every act leaves an event here, in the same transaction.",
  noMatch: "No event matches",
  noMatchWords: "Widen or clear the filters.",
  events: "Events",
  detail: "Event",
  credential: "Shown credential",
  json: "As it stands in the log",
  openRequest: "Open the request",
  openFlag: "Open the switch",
  proof: "Proof",
  proofWords: (leaf: number, size: number, hashes: number) =>
    `Leaf ${leaf} of a tree of ${size}; ${hashes} hashes lead from it to the signed root.`,
  proofSoon: "The event gets its number within about a second; then its proof stands here.",
  checked: "Checked in your browser: it is in the signed log, exactly as it stands here.",
  notChecked:
    "Your browser could not find it in the signed log. Tell the administrators, and keep what you see.",
  checking: "Checking in your browser",
  grown: "Has it only grown?",
  grownWords:
    "Choose an earlier checkpoint. Your browser then checks that everything in it still stands, unchanged, at the beginning of the log as it is now.",
  since: "Since the checkpoint of",
  sinceOption: (size: number, at: string) => (at ? `${size} events, ${at}` : `${size} events`),
  grew: (from: number, to: number) =>
    from === to
      ? "That is the log as it is now."
      : `The log has only grown since: from ${from} to ${to} events, none changed, none taken out.`,
  grewWords: (hashes: number) => `${hashes} hashes prove it; your browser has checked them.`,
  notGrown: "The log has not only grown",
  notGrownWords:
    "What was signed then is not what the log begins with now. Tell the administrators, and keep the export that you have.",
  noCheckpoints: "There is one checkpoint so far. With the second, one can be held against the other.",
  checkpoint: "Current checkpoint",
  checkpointWords: (size: number) => `Signed over ${size} events`,
  export: "Download the export",
  verify: "Verify it offline",
  verifyWords:
    "Download the export, then run this on any machine. With the key pinned, not even this server can fool you.",
  names: events,
};
