interface Needs {
  /** The action without which the section is not shown at all. */
  see: string;
  write: string;
}

/** The sections of administration in their order, with what one needs for them. */
export const sections = {
  people: { see: "people.write", write: "people.write" },
  groups: { see: "read", write: "people.write" },
  environments: { see: "read", write: "govern.write" },
  segments: { see: "read", write: "govern.write" },
  templates: { see: "read", write: "govern.write" },
  policies: { see: "read", write: "govern.write" },
  lifecycle: { see: "read", write: "govern.write" },
  keys: { see: "key.read", write: "key.read" },
  tokens: { see: "people.write", write: "people.write" },
  proposals: { see: "proposal.read", write: "proposal.object" },
} as const satisfies Record<string, Needs>;

export type Section = keyof typeof sections;

const order = Object.keys(sections) as Section[];

/** The sections that somebody may see. */
export const allowed = (can: readonly string[]): Section[] =>
  order.filter((id) => can.includes(sections[id].see));

/** Whether there is anything in administration for somebody who has more than the right to look. */
export const governs = (can: readonly string[]): boolean =>
  ["people.write", "govern.write", "key.make"].some((action) => can.includes(action));
